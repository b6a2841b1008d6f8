/**
 * A process that shares a store with others. `contend URL NAME N` takes part in N rounds and prints what it won;
 * `journal URL NAME` commits durably for ever and prints each key once it was acknowledged.
 */
import { change } from "../../src/store/change.ts";
import { connectStore } from "../../src/store/connect.ts";
import { newVersion, recordKind } from "../../src/store/record.ts";

const [mode = "", url = "", name = "", n = "0"] = process.argv.slice(2);
const counters = recordKind<{ n: number }>("contended");
const store = await connectStore(url);

async function increment(): Promise<void> {
  const up = (now: { n: number } | undefined) => ({ value: { n: (now?.n ?? 0) + 1 }, result: true });
  while (!(await change(store, counters, name, up).catch(() => false)));
}

async function contend(): Promise<{ claimed: number; taken: number }> {
  const won = { claimed: 0, taken: 0 };
  for (let i = 0; i < Number(n); i++) {
    await increment();
    const claim = { expect: "absent", version: newVersion() } as const;
    if (await store.commit(`claim:${name}-${i}`, process.pid, claim)) won.claimed++;
    if ((await store.take(`code:${name}-${i}`, String(process.pid))) !== undefined) won.taken++;
  }
  return won;
}

if (mode === "contend") {
  // The starting signal: all begin when all are there.
  await store.join(`ready:${name}`, String(process.pid));
  while (!(await store.read(`go:${name}`)));
  process.stdout.write(`${JSON.stringify(await contend())}\n`);
  await store.close();
} else {
  for (let i = 0; ; i++) {
    const version = newVersion();
    await store.commit(`journal:${name}-${i}`, { i }, { expect: "absent", version, durable: true });
    process.stdout.write(`${i} ${version}\n`);
  }
}
