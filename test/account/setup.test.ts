import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { accountRecord } from "../../src/account/account.ts";
import { accounts } from "../../src/account/accounts.ts";
import { SETUP_LINK_TTL, type SetupLink, setupLink } from "../../src/account/setup.ts";
import type { Event } from "../../src/events.ts";
import type { Store } from "../../src/store/store.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { NOON, passkey } from "./samples.ts";

const clock = { now: () => NOON };
const refusal = (code: string) => expect.objectContaining({ code });
const ada = (n = 0) => ({ name: "Ada", email: "ada@example.com", passkey: passkey(`credential-${n}`) });

describe.each(stores)("the setup link on $name", ({ open }) => {
  let opened: OpenStore;
  let link: SetupLink;
  const told: Event[] = [];
  const linkOver = (store: Store) => {
    const people = accounts({ store, clock, announce: (event) => told.push(event) });
    return setupLink({ store, clock, accounts: people });
  };
  const people = () => accounts({ store: opened.store, clock });

  beforeEach(async () => {
    opened = await open();
    link = linkOver(opened.store);
    told.length = 0;
  });
  afterEach(() => opened.close());

  it("SEC-106 makes one owner, an administrator, and works once", async () => {
    const { token, expires } = await link.issue();
    expect(expires).toBe(NOON + SETUP_LINK_TTL);
    expect(await link.hasOwner()).toBe(false);
    const owner = await link.createOwner(token, { ...ada(), groups: ["other"] });
    expect(owner).toMatchObject({ state: "active", username: "ada", groups: ["administrators"] });
    expect(told).toMatchObject([{ type: "owner.created", account: owner.id }]);
    expect(await link.hasOwner()).toBe(true);
    expect(await link.check(token)).toBe(false);
    await expect(link.createOwner(token, ada(1))).rejects.toThrow(refusal("setup_link_invalid"));
    await expect(link.issue()).rejects.toThrow(refusal("owner_exists"));
  });

  it("SEC-134 is not used up by looking at it", async () => {
    const { token } = await link.issue();
    expect([await link.check(token), await link.check(token)]).toEqual([true, true]);
    await expect(link.createOwner(token, ada())).resolves.toBeDefined();
  });

  it.each(["", "x", "A".repeat(43), "\0", "a".repeat(5000)])("refuses the token %j", async (wrong) => {
    await link.issue();
    expect(await link.check(wrong)).toBe(false);
    await expect(link.createOwner(wrong, ada())).rejects.toThrow(refusal("setup_link_invalid"));
  });

  it("stops working when a newer one is issued", async () => {
    const [older, newer] = [await link.issue(), await link.issue()];
    expect([await link.check(older.token), await link.check(newer.token)]).toEqual([false, true]);
    await expect(link.createOwner(older.token, ada())).rejects.toThrow(refusal("setup_link_invalid"));
  });

  it("stops working when the store's time for it is over", async () => {
    const { token } = await link.issue();
    const record = await opened.store.read("setup:token");
    await opened.store.write("setup:token", record?.value, { ttl: 200 });
    expect(await link.check(token)).toBe(true);
    await expect.poll(() => link.check(token), { timeout: 5000 }).toBe(false);
    await expect(link.createOwner(token, ada())).rejects.toThrow(refusal("setup_link_invalid"));
  });

  it("is not at rest", async () => {
    const { token } = await link.issue();
    expect(JSON.stringify(await opened.store.read("setup:token"))).not.toContain(token);
  });

  it("still works after a refusal that the person can mend", async () => {
    await people().create({ username: "ada", passkey: passkey("other") });
    const { token } = await link.issue();
    const handle = randomBytes(32).toString("base64url");
    const chosen = { ...ada(), handle, username: "ada" };
    await expect(link.createOwner(token, chosen)).rejects.toThrow(refusal("username_taken"));
    await expect.poll(() => opened.store.read(accountRecord.key(handle))).toBeUndefined();
    await expect(link.createOwner(token, { ...chosen, username: "ada-2" })).resolves.toMatchObject({
      id: handle,
    });
  });

  it("SEC-106 SEC-134 twenty racers over two handles give one owner, and no other account", async () => {
    const second = linkOver(await opened.reopen());
    const { token } = await link.issue();
    const racers = Array.from({ length: 20 }, (_, n) => (n % 2 ? second : link).createOwner(token, ada(n)));
    const settled = await Promise.allSettled(racers);
    const lost = settled.flatMap((one) => (one.status === "rejected" ? [one.reason.code] : []));
    expect(lost).toHaveLength(19);
    expect(["owner_exists", "setup_link_invalid"]).toEqual(expect.arrayContaining([...new Set(lost)]));
    const left = [];
    for await (const account of people().list()) left.push(account);
    expect(left).toHaveLength(1);
    expect(left[0]).toMatchObject({ state: "active", groups: ["administrators"] });
  });

  it("is refused to a racer with a newer link while the first owner is being made, and open again if he never is", async () => {
    const owner = { ...ada(), handle: randomBytes(32).toString("base64url") };
    const first = await link.issue();
    const held = await link.createOwner(first.token, owner);
    const key = accountRecord.key(held.id);
    const pending = accountRecord.encode({ ...held, state: "pending" });
    await opened.store.write(key, pending, { ttl: 60_000 });
    const { token } = await link.issue();
    await expect(link.createOwner(token, ada(1))).rejects.toThrow(refusal("owner_exists"));
    await opened.store.remove(key);
    await expect(link.createOwner(token, ada(2))).resolves.toMatchObject({ state: "active" });
  });

  it("stays closed while the owner is disabled", async () => {
    const { token } = await link.issue();
    const { id } = await link.createOwner(token, ada());
    await people().disable(id);
    await expect(link.issue()).rejects.toThrow(refusal("owner_exists"));
  });
});
