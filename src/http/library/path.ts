import type { Context } from "koa";

/** The path as the library reads it: in any case, and with or without a slash at its end. */
export function libraryPath({ path }: Context): string {
  return path.toLowerCase().replace(/(?<=.)\/$/, "");
}
