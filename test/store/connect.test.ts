import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { connectStore, redactUrl } from "../../src/store/connect.ts";
import { everythingIn } from "../support/errors.ts";
import { stores } from "../support/stores.ts";

describe("the address of a store", () => {
  test.each(stores.map(({ name, open }) => [name, open] as const))(
    "chooses the driver %s",
    async (name, open) => {
      const opened = await open();
      expect(opened.store.driver).toBe(name);
      await opened.close();
    },
  );

  test("names a folder with or without two slashes", async () => {
    const folder = await mkdtemp(join(tmpdir(), "latchkey-lmdb-"));
    const one = await connectStore(`lmdb:${folder}`);
    await one.write("kind:a", 1);
    const same = await connectStore(`lmdb://${folder}`);
    expect(await same.read("kind:a")).toMatchObject({ value: 1 });
    await one.close();
    await same.close();
    await rm(folder, { recursive: true });
  });

  test.each([
    "",
    "lmdb",
    "lmdb:",
    "data",
    "mysql://u:geheim@host/db",
    "redis:",
    "redis://",
    "rediss://u:geheim@[bad",
  ])("%j is refused with the addresses that would do, and without the password", async (url) => {
    const error = await connectStore(url).catch((refused: unknown) => refused);
    expect(error).toMatchObject({
      code: "store_refused",
      detail: expect.stringContaining("redis://host:port/db"),
    });
    expect(everythingIn(error)).not.toContain("geheim");
  });
});

describe("a redacted address", () => {
  test.each([
    ["redis://user:geheim@host:1/0", "redis://***@host:1/0"],
    ["redis://:ge@heim@host", "redis://***@host"],
    ["rediss://host/0?password=geheim&family=6", "rediss://host/0?password=***&family=***"],
    ["redis://host:6379/0", "redis://host:6379/0"],
    ["lmdb:./data", "lmdb:./data"],
  ])("of %s is %s", (url, redacted) => {
    expect(redactUrl(url)).toBe(redacted);
  });
});
