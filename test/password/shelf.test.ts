import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeKey, readKey, rewrapKeys } from "../../src/password/keys.ts";
import { fileShelf, type Shelf, storeShelf } from "../../src/password/shelf.ts";
import type { Store } from "../../src/store/store.ts";
import { createVault } from "../../src/vault.ts";
import { type OpenStore, stores } from "../support/stores.ts";

const [old, next] = [
  "an old root secret of more than thirty-two bytes",
  "a new root secret of more than thirty-two bytes",
];

describe("keys in files of their own", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-shelf-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("are for their owner alone, and gone with everything that a crash left of them", async () => {
    const shelf = fileShelf(folder);
    await shelf.put("one", "wrapped");
    expect(await shelf.read("one")).toBe("wrapped");
    expect(statSync(join(folder, "password-one.key")).mode & 0o777).toBe(0o600);
    writeFileSync(join(folder, "password-one.key.new"), "half");
    expect(await shelf.list()).toEqual(["one"]);
    for (let n = 0; n < 2; n++) await shelf.destroy("one");
    expect(readdirSync(folder)).toEqual([]);
    expect(await shelf.read("one")).toBeUndefined();
  });

  it("SEC-115 have no names that lead elsewhere", async () => {
    for (const id of ["../x", "a/b", "", "a".repeat(33)]) {
      await expect(fileShelf(folder).put(id, "x")).rejects.toBeInstanceOf(TypeError);
    }
  });
});

describe.each(stores)("keys beside $name", ({ open, name }) => {
  let opened: OpenStore;
  beforeEach(async () => {
    opened = await open();
  });
  afterEach(() => opened.close());
  const shelf = (): Shelf =>
    name === "lmdb" ? fileShelf(opened.url.slice("lmdb:".length)) : storeShelf(opened.store);

  it("SEC-139 outlive a rotation of the root secret, and then do without the old one", async () => {
    const safe = (...secrets: string[]) => ({
      store: opened.store as Store,
      clock: { now: () => 1 },
      shelf: shelf(),
      vault: createVault(secrets),
    });
    const { id, key } = await makeKey(safe(old));
    await expect(readKey(safe(next), id)).rejects.toMatchObject({ code: "secret_mismatch" });
    await rewrapKeys(safe(next, old));
    expect((await readKey(safe(next), id))?.key).toEqual(key);
    expect(await shelf().list()).toEqual([id]);
    await shelf().destroy(id);
    expect(await readKey(safe(next), id)).toBeUndefined();
    expect(await shelf().list()).toEqual([]);
  });
});
