/** A store in a process of its own, asked by messages: so that it can be killed in the midst of a call. */
import { connectStore } from "../../src/store/connect.ts";
import type { Store, Stored } from "../../src/store/store.ts";

export interface Asked {
  id: number;
  method: "read" | "commit" | "take";
  args: unknown[];
}

const [address = "", kept] = process.argv.slice(2);
const store = kept === "nowhere" ? memory() : await connectStore(address);
process.on("disconnect", () => process.exit(0));
process.on("message", async ({ id, method, args }: Asked) => {
  try {
    const call = store[method] as (...args: unknown[]) => Promise<unknown>;
    process.send?.({ id, value: await call.apply(store, args) });
  } catch {
    process.send?.({ id, failed: true });
  }
});
process.send?.({ id: 0 });

/** A store that is right as long as its process lives: what a kill has to bring to light. */
function memory(): Pick<Store, Asked["method"]> {
  const records = new Map<string, Stored<unknown>>();
  const takers = new Map<string, { op: string; value: unknown }>();
  return {
    read: async (key) => records.get(key) as never,
    async commit(key, value, { expect, version }) {
      const found = records.get(key)?.version ?? "absent";
      if (found === expect) records.set(key, { value, version });
      return found === expect || found === version;
    },
    async take(key, op) {
      const found = records.get(key);
      if (found && !takers.has(key)) takers.set(key, { op, value: found.value });
      records.delete(key);
      const taken = takers.get(key);
      return (taken?.op === op ? taken.value : undefined) as never;
    },
  };
}
