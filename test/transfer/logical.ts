/** What a store holds, as lines that can be compared: everything but how much time is left. */
import type { Store } from "../../src/store/store.ts";

/** Kinds that belong to one store alone. */
const OWN = /^(lock|copy|meta|restore|passwordkey):/;

export async function logical(store: Store, without = OWN): Promise<string[]> {
  const lines = new Set<string>();
  for await (const items of store.bulk.dump()) {
    for (const item of items) {
      if (without.test(item.key)) continue;
      const { ttl, ...rest } = item as typeof item & { ttl?: number };
      lines.add(JSON.stringify(ttl === undefined ? rest : { ...rest, passing: true }));
    }
  }
  return [...lines].sort();
}
