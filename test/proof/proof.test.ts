/** `passwords` as an operator runs it to its end, on both stores, and what the proof finds when something is left. */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aclLine } from "../../src/command/passwords/seal.ts";
import { type Operator, operator } from "../command/operator.ts";
import { HASHES } from "../password/place.ts";
import { type OpenStore, stores } from "../support/stores.ts";

const SECRET = "a root secret of at least thirty-two bytes";
type Report = {
  found: number;
  erased: number;
  sealed: boolean;
  places: { place: string; what: string }[];
  scanned: { what: string; state: string; found: number }[];
  counts: Record<string, number>;
};

/** Takes a test's place where it is about the other store. */
const elsewhere = (..._test: unknown[]) => {};

describe.each(stores)("the way to zero on $name", ({ name, open }) => {
  const onRedis = name === "redis" ? it : elsewhere;
  const onLmdb = name === "lmdb" ? it : elsewhere;
  let opened: OpenStore;
  let admin: Operator;
  beforeAll(async () => {
    opened = await open();
    admin = operator({ LATCHKEY_STORE: opened.url, LATCHKEY_SECRET: SECRET });
    const people = ["ada", "ben", "cleo", "=cmd|' /C calc'!A0"].map((named, n) =>
      JSON.stringify({
        username: `person${n}`,
        name: named,
        groups: n ? ["crew"] : [],
        password_hash: HASHES.bcrypt,
      }),
    );
    admin.input = people.join("\n");
    await admin.run("accounts", "import", "-");
  });
  afterAll(async () => {
    admin.remove();
    await opened.close();
  });
  const passwords = async (...words: string[]) => {
    const outcome = await admin.run("passwords", ...words, "--json");
    return { ...outcome, document: outcome.json() as unknown as Report & Record<string, unknown> };
  };
  let reports = 0;
  const prove = (...words: string[]) => passwords("prove", "--out", `report${reports++}.json`, ...words);

  it("status counts by the ways in, by group and day, and says who is stuck", async () => {
    const { code, document } = await passwords("status", "--export", "stuck.csv");
    expect(code).toBe(0);
    expect(document).toMatchObject({
      password_only: 4,
      password_and_passkey: 0,
      passkey_only: 0,
      neither: 0,
      total: 4,
      passes: 0,
      sealed: false,
      groups: { crew: { password_only: 3 } },
      trend: [{ imported: 4, closed: 0 }],
      stuck: { unreachable: 4 },
    });
    const csv = readFileSync(join(admin.cwd, "stuck.csv"), "utf8");
    expect(csv.trim().split("\n")).toHaveLength(5);
    expect(csv).not.toMatch(/\$2b|lkpw1/);
  });

  it("while passwords are there the proof finds them, names each place, and ends with 1", async () => {
    const { code, document } = await prove();
    expect(code).toBe(1);
    expect(document.found).toBeGreaterThanOrEqual(4);
    const live = document.places.filter(({ place }) => /^key .*password:/.test(place));
    expect(live.length).toBeGreaterThanOrEqual(4);
    expect(JSON.stringify(document)).not.toMatch(/\$2b|lkpw1/);
  });

  it("backups are made, for later: with passwords, and without", async () => {
    for (const folder of ["with", "without"]) mkdirSync(join(admin.cwd, folder));
    expect((await admin.run("store", "backup", "with/all.bak", "--with-passwords", "--json")).code).toBe(0);
    expect((await admin.run("store", "backup", "without/some.bak", "--json")).code).toBe(0);
  });

  it("seal ends with 1 and changes nothing while any is left", async () => {
    const { code, document } = await passwords("seal", "--yes");
    expect([code, document.code]).toEqual([1, "passwords_left"]);
    expect((await passwords("status")).document).toMatchObject({ password_only: 4, sealed: false });
    expect((await admin.run("passwords", "seal")).code).toBe(2);
  });

  it("drop asks whom it is to take, and takes no others", async () => {
    expect((await admin.run("passwords", "drop", "--yes")).code).toBe(2);
    expect((await admin.run("passwords", "drop", "--all", "--group", "crew", "--yes")).code).toBe(2);
    expect((await admin.run("passwords", "drop", "--group", "crew")).code).toBe(2);
    expect((await passwords("drop", "--group", "crew", "--yes")).document).toEqual({
      dropped: 3,
      without_passkey: 3,
    });
    expect((await passwords("status")).document).toMatchObject({ password_only: 1, neither: 3 });
    expect((await passwords("purge")).document).toMatchObject({ kept: 1, keys: 1 });
  });

  it("sealed with the last one waived, nothing is found anywhere, and the report says so under a signature", async () => {
    writeFileSync(join(admin.cwd, "waived.txt"), "person0\n");
    const sealed = await passwords("seal", "--waive", "waived.txt", "--yes");
    expect(sealed.document).toMatchObject({ sealed: true, waived: [expect.any(String)] });
    const { code, document } = await passwords("prove", "--out", "proof.json");
    expect(document).toMatchObject({ found: 0, sealed: true, counts: { total: 4, neither: 4 } });
    expect(code).toBe(0);
    expect(JSON.parse(readFileSync(join(admin.cwd, "proof.json"), "utf8"))).toEqual(document);
    expect(document.scanned.map(({ what }) => what)[0]).toBe("live store");
    expect(document.scanned.length).toBeGreaterThan(1);
    expect((await passwords("status")).document).toMatchObject({ sealed: true, password_only: 0 });
    const again = await passwords("seal", "--yes");
    expect([again.code, again.document.sealed]).toEqual([0, true]);
  });

  it("a report that was changed, or that another provider signed, is refused", async () => {
    expect((await passwords("prove", "--verify", "proof.json")).document).toMatchObject({
      valid: true,
      found: 0,
    });
    const report = JSON.parse(readFileSync(join(admin.cwd, "proof.json"), "utf8"));
    const changed = [
      { ...report, found: 1 },
      { ...report, more: 1 },
      { ...report, signature: "x.y.z" },
    ];
    for (const [n, one] of changed.entries()) {
      writeFileSync(join(admin.cwd, `changed${n}.json`), JSON.stringify(one));
      const { code, document } = await passwords("prove", "--verify", `changed${n}.json`);
      expect([code, document.code]).toEqual([1, "report_invalid"]);
    }
    const stranger = operator({ LATCHKEY_SECRET: SECRET });
    writeFileSync(join(stranger.cwd, "proof.json"), JSON.stringify(report));
    expect((await stranger.run("passwords", "prove", "--verify", "proof.json")).code).toBe(1);
    stranger.remove();
  });

  it("import refuses hashes afterwards", async () => {
    admin.input = JSON.stringify({ username: "late", password_hash: HASHES.bcrypt });
    const { json } = await admin.run("accounts", "import", "-", "--json");
    expect(json()).toMatchObject({ created: 0, refused: [{ line: 1, code: "passwords_sealed" }] });
  });

  describe("something that is planted is found, and its place is named", () => {
    const planted = `{"old":"${HASHES.bcrypt}"}`;
    const expectFound = async (place: RegExp, ...words: string[]) => {
      const { code, document } = await prove(...words);
      expect(code).toBe(1);
      expect(document.found).toBeGreaterThan(0);
      expect(document.places.map((one) => one.place).join("\n")).toMatch(place);
    };
    const expectClean = async (...words: string[]) => {
      const { code, document } = await prove(...words);
      expect([code, document.found, document.places]).toEqual([0, 0, []]);
    };

    it("in a backup, a log, a packed export: in any file of a folder", async () => {
      const folder = join(admin.cwd, "backups");
      mkdirSync(join(folder, "deep"), { recursive: true });
      writeFileSync(join(folder, "audit.log"), "nothing\n");
      await expectClean("--files", "backups");
      writeFileSync(join(folder, "deep", "users.sql"), `INSERT ${HASHES.slower};`);
      await expectFound(/users\.sql at byte 7/, "--files", "backups");
      expect((await admin.run("passwords", "prove", "--files", "nowhere")).code).toBe(2);
    });

    it("in a backup of ours that holds passwords with their keys, though it is sealed; another one is clean", async () => {
      await expectClean("--files", "without");
      await expectFound(/all\.bak at byte/, "--files", "with");
    });

    it("in a live key; and once that is gone, in the free pages or the log of commands", async () => {
      const key = "planted:one" as const;
      await opened.store.write(key, JSON.parse(planted));
      await expectFound(/key .*planted:one/);
      await opened.store.remove(key);
      const { document } = await prove();
      expect(document.places.map(({ place }) => place).join("\n")).not.toMatch(/planted:one/);
      await expectFound(name === "lmdb" ? /data\.mdb at byte/ : /appendonly.* at byte/);
    });
  });

  onRedis("in a dump, also where Redis has compressed it", async () => {
    const redis = new Redis(opened.url);
    await redis.set("latchkey:planted:two", `${"ab".repeat(300)}${HASHES.bcrypt}${"cd".repeat(300)}`);
    await redis.save();
    await redis.del("latchkey:planted:two");
    await redis.bgrewriteaof();
    await expect
      .poll(async () =>
        /aof_rewrite_in_progress:1|aof_rewrite_scheduled:1/.test(await redis.info("persistence")),
      )
      .toBe(false);
    const { document } = await prove();
    expect(document.places.map(({ place }) => place).join("\n")).toMatch(/dump\.rdb at byte/);
    await redis.quit();
  });

  onRedis("Redis itself keeps it so, with the line that the seal prints", async () => {
    const redis = new Redis(opened.url);
    const [, , user = "", ...rules] = aclLine().split(" ");
    await redis.call("ACL", "SETUSER", user, "on", "nopass", "+@all", ...rules);
    const server = new Redis(opened.url, { username: user, password: "x" });
    for (const key of ["password:x", "passwordkey:x"]) {
      await expect(server.set(`latchkey:${key}`, "1")).rejects.toThrow(/NOPERM/);
      await expect(server.get(`latchkey:${key}`)).rejects.toThrow(/NOPERM/);
    }
    for (const key of ["account:x", "pass:x", "passwords:state", "passwordwriters:x", "#set:x", "permit:x"]) {
      expect(await server.set(`latchkey:${key}`, "1"), key).toBe("OK");
    }
    server.disconnect();
    redis.disconnect();
  });

  onLmdb("what nobody can read any more is told apart from what somebody can", async () => {
    const folder = opened.url.slice("lmdb:".length);
    expect(readdirSync(folder).filter((file) => file.endsWith(".key"))).toEqual([]);
    const copies = join(admin.cwd, "copies");
    mkdirSync(copies);
    const verifier = `lkpw1.destroyed.${"a".repeat(350)}`;
    writeFileSync(join(copies, "old.bak"), verifier);
    const first = await prove("--files", "copies");
    const old = first.document.scanned.find(({ what }) => what.endsWith("old.bak"));
    expect(old).toMatchObject({ found: 0, erased: 1, state: "key-erased" });
    // With its key beside it, it is as good as new.
    appendFileSync(join(copies, "password-destroyed.key"), "wrapped");
    const second = await prove("--files", "copies");
    expect(second.document.scanned.find(({ what }) => what.endsWith("old.bak"))).toMatchObject({
      found: 1,
    });
    expect(second.code).toBe(1);
  });
});
