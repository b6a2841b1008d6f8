/** A store for all tests of the surrounding block, or of the file. */
import { afterAll, beforeAll } from "vitest";
import type { OpenStore, StoreKind } from "./stores.ts";

/** Opens it before the first test and closes it after the last; in between it is whatever the kind opened. */
export function openStore(kind: Pick<StoreKind, "open">): OpenStore {
  const opened = {} as OpenStore;
  beforeAll(async () => void Object.assign(opened, await kind.open()));
  afterAll(() => opened.close?.());
  return opened;
}
