/** SEC-110, SEC-120: the log is read, exported and sealed. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cell, csvLine } from "../../src/audit/csv.ts";
import { HEAD, headRecord, sealLog, sealRecord } from "../../src/audit/seal.ts";
import { day } from "../../src/clock.ts";
import type { Event } from "../../src/events.ts";
import type { Installation } from "../../src/installation.ts";
import type { Item } from "../../src/store/bulk.ts";
import { newVersion } from "../../src/store/record.ts";
import { createVault } from "../../src/vault.ts";
import { type Operator, operator } from "../command/operator.ts";
import { SECRET } from "../support/installation.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { furnish, openAt } from "../transfer/house.ts";

describe.each(stores)("the audit log on $name", ({ open }) => {
  let opened: OpenStore;
  let house: Installation;
  let admin: Operator;
  const today = day(Date.now());
  beforeEach(async () => {
    opened = await open();
    house = await openAt(opened.url);
    admin = operator({ LATCHKEY_STORE: opened.url, LATCHKEY_SECRET: SECRET });
  });
  afterEach(async () => {
    admin.remove();
    await house.close();
    await opened.close();
  });
  const seal = () => sealLog(house, house.meta.created);
  const verify = async (...flags: string[]) => {
    const { code, json } = await admin.run("audit", "verify", "--json", ...flags);
    return { code, ...json() } as { code: number; problems: string[]; head: string } & Record<
      string,
      unknown
    >;
  };
  async function logged(): Promise<(Item & { sort: "event" })[]> {
    const events: (Item & { sort: "event" })[] = [];
    for await (const items of opened.store.bulk.dump())
      for (const item of items) if (item.sort === "event" && item.key.startsWith("audit:")) events.push(item);
    return events.sort((a, b) => Number(a.place) - Number(b.place));
  }

  test("is told and exported; filters say of what", async () => {
    const [jane] = await furnish(house);
    await house.accounts.disable(jane?.id ?? "");
    const all = (await admin.run("audit", "export", "--json")).json() as unknown as Event[];
    expect(all.map(({ type }) => type)).toContain("account.disabled");
    const lines = (await admin.run("audit", "export")).out.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(all);
    const two = (await admin.run("audit", "tail", "-n", "2", "--json")).json();
    expect(two).toEqual(all.slice(-2));
    const ofJane = ["--account", jane?.id ?? "", "--type", "account.disabled", "--json"];
    expect((await admin.run("audit", "tail", ...ofJane)).json()).toMatchObject([
      { type: "account.disabled" },
    ]);
    expect(
      (await admin.run("audit", "tail", "--from", "2000-01-01", "--to", "2000-01-02", "--json")).json(),
    ).toEqual([]);
    expect((await admin.run("audit", "tail", "--from", "yesterday")).code).toBe(2);
    const csv = (await admin.run("audit", "export", "--format", "csv")).out.split("\r\n");
    expect(csv[0]).toBe("at,type,account,subject,detail,id");
    expect(csv).toHaveLength(all.length + 2);
    expect((await admin.run("audit", "tail")).out).toContain("account.disabled");
  });

  test("SEC-120 verifies while nobody touches it, seal after seal, and a seal twice adds nothing", async () => {
    expect(await verify()).toMatchObject({ code: 0, ok: true, sealed: 0, seals: 0, head: null });
    const people = await furnish(house);
    const count = (await logged()).length;
    expect(await seal()).toBe(count);
    expect(await seal()).toBe(0);
    await house.accounts.disable(people[0]?.id ?? "");
    expect(await verify()).toMatchObject({ code: 0, sealed: count, unsealed: 1, seals: 1 });
    expect(await seal()).toBe(1);
    const { head } = await verify();
    expect(await verify("--head", head)).toMatchObject({
      code: 0,
      ok: true,
      sealed: count + 1,
      unsealed: 0,
      seals: 2,
    });
    expect(await verify("--head", "another")).toMatchObject({ code: 1, ok: false });
    // A repeated append adds nothing, to the log or to its seals.
    const [first] = await logged();
    const event = JSON.parse(first?.json ?? "") as Event;
    await opened.store.append(first?.key ?? "audit:x", event, event.id);
    expect(await verify()).toMatchObject({ code: 0, ok: true });
  });

  test("of many instances that seal at once one does, and one that died in between is made good", async () => {
    const [jane] = await furnish(house);
    const other = { ...house, store: await opened.reopen() };
    await Promise.all([seal(), sealLog(other, house.meta.created), seal()]);
    expect(await verify()).toMatchObject({ ok: true, seals: 1, unsealed: 0 });
    // The seal was made, and the head was never told.
    await opened.store.remove(headRecord.key(HEAD));
    await house.accounts.disable(jane?.id ?? "");
    await seal();
    expect(await verify()).toMatchObject({ ok: true, seals: 2, unsealed: 0 });
  });

  test("a rotated secret keeps the seals", async () => {
    await furnish(house);
    await seal();
    const rotated = { ...house, vault: createVault([`newer ${SECRET}`, SECRET]) };
    await house.accounts.disable((await house.accounts.findByLogin("jane"))?.value.id ?? "");
    await sealLog(rotated, house.meta.created);
    const newest = { ...house, vault: createVault([`newer ${SECRET}`]) };
    expect(await sealLog(newest, house.meta.created)).toBe(0);
  });

  const forge: [string, (events: (Item & { sort: "event" })[]) => Promise<void>, string][] = [
    [
      "an event that was changed",
      async ([one]) => void (await replace(one as never, (json) => json.replace("created", "removed"))),
      "changed",
    ],
    [
      "an event that was removed from the middle",
      async (events) => void (await drop(events[1] as never)),
      "removed",
    ],
    ["the newest event, removed", async (events) => void (await drop(events.at(-1) as never)), "missing"],
    [
      "an event that was inserted",
      async ([one]) => {
        const place = String(Number(one?.place) - 1000);
        await opened.store.bulk.load([
          { ...(one as Item & { sort: "event" }), place, json: '{"id":"x","type":"account.created","at":1}' },
        ]);
      },
      "inserted",
    ],
    ["a seal that was removed", async () => opened.store.remove(sealRecord.key("1")), "missing"],
    [
      "a seal that was made anew without the key",
      async () => {
        const found = await sealRecord.read(opened.store, "1");
        if (!found) throw new Error("no seal");
        const how = { expect: found.version, version: newVersion() };
        await opened.store.commit(sealRecord.key("1"), { ...sealRecord.encode(found.value), at: 1 }, how);
      },
      "genuine",
    ],
  ];

  test.each(forge)("SEC-120 %s is noticed", async (_, tamper, reason) => {
    await furnish(house);
    await seal();
    expect(await verify()).toMatchObject({ code: 0, ok: true });
    await tamper((await logged()).filter(({ key }) => key === `audit:${today}` || key.startsWith("audit:")));
    const report = await verify();
    expect(report).toMatchObject({ code: 1, ok: false });
    expect(report.problems.join("\n")).toContain(reason);
  });

  /** What only somebody who has the store itself can do. */
  async function drop(event: Item & { sort: "event" }): Promise<void> {
    const rest = (await logged()).filter(({ json, key }) => key === event.key && json !== event.json);
    await wipe(event.key);
    await opened.store.bulk.load(rest);
  }
  async function replace(event: Item & { sort: "event" }, by: (json: string) => string): Promise<void> {
    await drop(event);
    await opened.store.bulk.load([{ ...event, json: by(event.json) }]);
  }
  async function wipe(key: string): Promise<void> {
    if (opened.server) {
      const { Redis } = await import("ioredis");
      const redis = new Redis(opened.url);
      await redis.del(`latchkey:#log:${key}`);
      return void (await redis.quit());
    }
    const { open: openLmdb } = await import("lmdb");
    const database = openLmdb({
      path: opened.url.slice("lmdb:".length),
      keyEncoding: "binary",
      encoding: "string",
    });
    for (const letter of ["l", "k"]) {
      const start = Buffer.from(letter);
      const keys = [...database.getKeys({ start, end: Buffer.from([letter.charCodeAt(0) + 1]) })];
      for (const one of keys as Buffer[]) if (one.includes(key)) await database.remove(one);
    }
  }
});

test("SEC-110 what a spreadsheet would take for a formula gets an apostrophe", () => {
  for (const text of ['=HYPERLINK("x")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "|cmd"])
    expect(cell(text)).toBe(`"'${text.replaceAll('"', '""')}"`);
  for (const text of ["jane", "1", 'say "hi"', "a=b", ""])
    expect(cell(text)).toBe(`"${text.replaceAll('"', '""')}"`);
  const line = csvLine({ id: "=1", type: "pass.issued", at: 0, subject: "@x", detail: { by: "=cmd()" } });
  expect(line).toBe(`"1970-01-01T00:00:00.000Z","pass.issued","","'@x","{""by"":""=cmd()""}","'=1"\r\n`);
});
