/** F19: what keeps the opening of a folder apart from what is written to it. With slow openings: `test/fault`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LmdbGate } from "../../../src/store/lmdb/gate.ts";
import { type Program, startProgram } from "../../support/program.ts";

const gateOf = new URL("../../../dist/store/lmdb/gate.js", import.meta.url).href;

describe("F19 the gate of a folder", () => {
  let folder: string;
  const programs: Program[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-gate-"));
  });
  afterEach(() => {
    for (const program of programs.splice(0)) program.clear();
    rmSync(folder, { recursive: true });
  });

  /** Another process that goes through it. */
  function elsewhere(script: string): Program {
    const whole = `import { LmdbGate } from ${JSON.stringify(gateOf)};
      console.log("comes");
      const gate = LmdbGate.of(${JSON.stringify(folder)});
      ${script}`;
    const program = startProgram(process.execPath, ["--input-type=module", "-e", whole]);
    programs.push(program);
    return program;
  }
  const says = (word: string) => (line: string) => (line === word ? line : undefined);

  test("lets work that writes in at once, and what comes later in its turn", async () => {
    const gate = LmdbGate.of(folder);
    let finish = () => {};
    const long = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const order: string[] = [];
    const first = gate.within(() => long.then(() => order.push("first")));
    await gate.within(async () => order.push("beside it"));
    const began = performance.now();
    while (performance.now() - began < 20) await new Promise(setImmediate);
    const later = gate.within(async () => order.push("later"));
    finish();
    await Promise.all([first, later]);
    expect(order).toEqual(["beside it", "first", "later"]);
    await gate.close();
  });

  test("is free again after work that failed and an opening that failed", async () => {
    const gate = LmdbGate.of(folder);
    await expect(gate.within(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(() =>
      gate.alone(() => {
        throw new Error("broken");
      }),
    ).toThrow("broken");
    expect(gate.alone(() => 7)).toBe(7);
    expect(await gate.within(async () => 8)).toBe(8);
    await gate.close();
  });

  test("makes whoever opens in another process wait for work that writes, and not for one that was killed", async () => {
    const writer = elsewhere(
      'void gate.within(() => (console.log("writes"), new Promise(() => {}))); setInterval(() => {}, 1e6);',
    );
    await writer.line(says("writes"));
    const opener = elsewhere('gate.alone(() => console.log("opens")); process.exit(0);');
    await opener.line(says("comes"));
    // Nothing tells that it waits but that it goes on no further while a third process has come and gone.
    await startProgram(process.execPath, ["-e", ""]).ended;
    expect(opener.stdout).toEqual(["comes"]);
    writer.signal("SIGKILL");
    await opener.line(says("opens"));
    expect(await opener.ended, opener.said()).toBe(0);
  });
});
