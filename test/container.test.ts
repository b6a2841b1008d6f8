/** The Dockerfile: what can be known about it without a container engine. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { checkHealth } from "./support/health.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (file: string) => readFileSync(join(root, file), "utf8");

/** Instructions of the Dockerfile, continued lines joined; the last stage is what runs. */
const stages = read("Dockerfile")
  .replace(/\\\n/g, " ")
  .split("\n")
  .filter((line) => /^[A-Z]+ /.test(line))
  .reduce<string[][]>((found, line) => {
    if (line.startsWith("FROM ")) found.push([]);
    found.at(-1)?.push(line);
    return found;
  }, []);
const last = stages.at(-1) ?? [];

function instruction(name: string): string {
  return (
    last
      .findLast((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1)
      .trim() ?? ""
  );
}

function filesIn(folder: string): string[] {
  return existsSync(join(root, folder)) ? readdirSync(join(root, folder), { encoding: "utf8" }) : [];
}

describe("Dockerfile", () => {
  test("every file it copies from the project is there and is let in by .dockerignore", () => {
    const copies = stages.flat().filter((line) => /^COPY (?!--from)/.test(line));
    const files = copies.flatMap((line) => line.split(/\s+/).slice(1, -1));
    const letIn = read(".dockerignore")
      .split("\n")
      .filter((line) => line.startsWith("!"))
      .map((line) => line.slice(1));
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    expect([...files].sort()).toEqual([...letIn].sort());
  });

  test("what package.json publishes is in the image", () => {
    const published: string[] = JSON.parse(read("package.json")).files;
    const built = published.filter((name) => name === "dist" || filesIn(name).length > 0);
    const copied = (name: string) =>
      last.some((line) => line.startsWith("COPY ") && line.endsWith(`/app/${name}`));
    expect(built).toContain("views");
    expect(built.filter((name) => !copied(name))).toEqual([]);
  });

  test("it runs as a user without rights, listens to the outside and starts the server without a shell", () => {
    expect(instruction("USER")).toBe("node");
    expect(instruction("ENV")).toContain("LATCHKEY_HOST=0.0.0.0");
    expect(JSON.parse(instruction("CMD"))).toEqual(["latchkey", "serve"]);
    expect(last.findIndex((line) => line.startsWith("USER "))).toBeGreaterThan(
      last.findIndex((line) => line.startsWith("RUN ")),
    );
  });

  test("its health check follows the answer of /livez", async () => {
    const [node = "", ...args] = JSON.parse(instruction("HEALTHCHECK").replace(/^.*? CMD /, "")) as string[];
    await checkHealth(node, args, "/livez");
  });
});
