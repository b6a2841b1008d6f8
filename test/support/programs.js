/** Programs of this machine. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where the first of these programs lies on the PATH. */
export function findProgram(programs, env = process.env) {
  const folders = (env.PATH ?? "").split(delimiter);
  return programs.flatMap((program) => folders.map((folder) => join(folder, program))).find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
