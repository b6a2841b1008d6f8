/** A store of which some methods are replaced: to watch what goes through, or to let it fail. */
import type { Store } from "../../src/store/store.ts";

export function override(store: Store, members: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(members, name) ?? Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}
