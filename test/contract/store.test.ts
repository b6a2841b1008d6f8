import { afterAll, beforeAll, describe, test } from "vitest";
import { storeContract } from "../../src/testing/contract.ts";
import { newerStores, type OpenStore, stores } from "../support/stores.ts";

for (const { name, open } of [...stores, ...newerStores]) {
  describe(`the store contract on ${name}`, () => {
    let opened: OpenStore;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened.close());

    for (const { title, run } of storeContract) test(title, () => run(opened));
  });
}
