/** A store in a process of its own, asked by messages: so that it can be killed in the midst of a call. */
import { connectStore } from "../../src/store/connect.ts";
import type { Store } from "../../src/store/store.ts";

export interface Asked {
  id: number;
  method: "read" | "commit" | "take";
  args: unknown[];
}

const store = await connectStore(process.argv[2] ?? "");
process.on("disconnect", () => process.exit(0));
process.on("message", async ({ id, method, args }: Asked) => {
  try {
    const call = store[method] as (...args: unknown[]) => Promise<unknown>;
    process.send?.({ id, value: await call.apply(store as Store, args) });
  } catch {
    process.send?.({ id, failed: true });
  }
});
process.send?.({ id: 0 });
