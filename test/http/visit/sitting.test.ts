import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  advanceSitting,
  beginSitting,
  endSitting,
  findSitting,
  sittingAt,
} from "../../../src/http/visit/sitting.ts";
import type { Visit } from "../../../src/http/visit/visit.ts";
import { type OpenStore, stores } from "../../support/stores.ts";

const visit = (id: string, browser: string) => ({ id, browser }) as Visit;
const here = visit("interaction", "browser");
const begun = { purpose: "conversion", account: "jane", stage: "enrol" } as const;

describe.each(stores)("a sitting, on $name", ({ open }) => {
  let opened: OpenStore;
  beforeEach(async () => {
    opened = await open();
  });
  afterEach(() => opened.close());

  test("is found in its own visit and browser, and nowhere else", async () => {
    const { store } = opened;
    await beginSitting(store, here, begun);
    expect((await findSitting(store, here))?.value).toEqual(begun);
    expect(await findSitting(store, visit("another", "browser"))).toBeUndefined();
    expect(await findSitting(store, visit("interaction", "another"))).toBeUndefined();
  });

  test("is not at a stage that it has not reached", async () => {
    await beginSitting(opened.store, here, begun);
    expect((await sittingAt(opened.store, here, "enrol")).value.account).toBe("jane");
    await expect(sittingAt(opened.store, here, "prove")).rejects.toMatchObject({ code: "ceremony_expired" });
  });

  test("goes on once from each stage, whoever asks at the same moment", async () => {
    const { store } = opened;
    await beginSitting(store, here, begun);
    const from = await sittingAt(store, here, "enrol");
    const answers = await Promise.allSettled(
      ["first", "second", "third"].map((passkey) =>
        advanceSitting(store, here, from, { stage: "prove", passkey }),
      ),
    );
    expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("ends once", async () => {
    await beginSitting(opened.store, here, begun);
    const ends = await Promise.all([endSitting(opened.store, here), endSitting(opened.store, here)]);
    expect(ends.sort()).toEqual([false, true]);
    expect(await findSitting(opened.store, here)).toBeUndefined();
  });
});
