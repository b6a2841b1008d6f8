/** F19: what keeps the opening of a folder apart from what is written to it. With slow openings: `test/fault`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
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
    const broken = () => {
      throw new Error("broken");
    };
    expect(() => gate.data(broken)).toThrow("broken");
    const key = Buffer.from("key");
    const data = gate.data(() =>
      open({ path: folder, noSubdir: false, encoding: "string", keyEncoding: "binary" }),
    );
    expect(await gate.within(async () => 8)).toBe(8);
    // For a further handle nothing is opened.
    const further = LmdbGate.of(folder);
    expect(further.data(broken)).toBe(data);
    await further.close();
    await gate.within(() => data.put(key, "value"));
    expect(data.get(key)).toBe("value");
    await gate.close();
    expect(() => data.get(key)).toThrow();
  });

  test("lets one process open a folder again and again in the midst of what it writes", async () => {
    const store = new URL("../../../dist/store/lmdb.js", import.meta.url).href;
    const program = startProgram(process.execPath, [
      "--input-type=module",
      "-e",
      `import { lmdbStore } from ${JSON.stringify(store)};
      const path = ${JSON.stringify(folder)};
      const first = lmdbStore(path);
      let writes = 0;
      async function write(name) {
        for (let n = 0; n < 150; n++) { await first.write("note:" + name + n, { n }); writes++; }
      }
      const writing = Promise.all(["a", "b", "c", "d"].map(write));
      let going = true;
      writing.then(() => { going = false; });
      while (going) {
        const further = lmdbStore(path);
        await new Promise(setImmediate);
        await further.read("note:a0");
        await further.close();
      }
      await first.close();
      console.log("wrote", writes);`,
    ]);
    programs.push(program);
    await program.line(says("wrote 600"));
    expect(await program.ended, program.said()).toBe(0);
  });

  test("makes whoever opens in another process wait for work that writes, and not for one that was killed", async () => {
    const writer = elsewhere(
      'void gate.within(() => (console.log("writes"), new Promise(() => {}))); setInterval(() => {}, 1e6);',
    );
    await writer.line(says("writes"));
    const opener = elsewhere('gate.data(() => console.log("opens")); process.exit(0);');
    await opener.line(says("comes"));
    // Nothing tells that it waits but that it goes on no further while a third process has come and gone.
    await startProgram(process.execPath, ["-e", ""]).ended;
    expect(opener.stdout).toEqual(["comes"]);
    writer.signal("SIGKILL");
    await opener.line(says("opens"));
    expect(await opener.ended, opener.said()).toBe(0);
  });
});
