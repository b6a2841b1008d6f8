/** A change of domain: who would be locked out is said before it happens, and again when it has. */
import { afterEach, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { type Accounts, accounts } from "../../src/account/accounts.ts";
import { systemClock } from "../../src/clock.ts";
import { loadSettings } from "../../src/config/load.ts";
import { META, type Meta, metaRecord } from "../../src/installation/meta.ts";
import { createLogger } from "../../src/log.ts";
import { startServer } from "../../src/server.ts";
import { passkey } from "../account/samples.ts";
import { type Operator, operator } from "../command/operator.ts";
import { SECRET } from "../support/installation.ts";
import { freePort } from "../support/redis.ts";
import { type OpenStore, stores } from "../support/stores.ts";

/** One that was made just now. */
let number = 0;
const made = () => passkey(`made${++number}`, { created: Date.now() });

const ISSUER = "https://id.eu.example.com";

describe.each(stores)("a change of RP ID over $name", (kind) => {
  const cleanUps: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  async function house() {
    const opened = await kind.open();
    cleanUps.push(() => opened.close());
    const admin = await configured(opened);
    expect((await admin.run("setup")).code).toBe(0);
    return { opened, admin };
  }
  async function configured({ url }: OpenStore, rpId?: string): Promise<Operator> {
    const env = { LATCHKEY_STORE: url, LATCHKEY_ISSUER: ISSUER, LATCHKEY_SECRET: SECRET };
    const admin = operator({ ...env, ...(rpId === undefined ? {} : { LATCHKEY_RP_ID: rpId }) });
    cleanUps.push(() => admin.remove());
    return admin;
  }
  async function look(admin: Operator) {
    const { code, json } = await admin.run("doctor", "--json");
    const checks = json().checks as { name: string; ok: boolean; message: string; remedy: string }[];
    return { code, ...checks.find(({ name }) => name === "rp id") };
  }
  /** A server with this RP ID starts, does its work and stops; gives what it warned of. */
  async function serve({ store, url }: OpenStore, rpId: string, work: (people: Accounts) => Promise<void>) {
    const lines: string[] = [];
    const sink = { write: (line: string) => void lines.push(line) };
    const log = await createLogger({ level: "warn", format: "json", sink });
    const overrides = { issuer: ISSUER, rpId, port: await freePort(), store: url, secret: SECRET };
    const server = await startServer(loadSettings({ env: {}, overrides }), { store, log });
    await work(accounts({ store, clock: systemClock }));
    await server.stop();
    return lines.filter((line) => line.includes("RP ID")).map((line) => JSON.parse(line).msg as string);
  }
  it("is told by the doctor with numbers and a remedy, and is nothing before anybody has a passkey", async () => {
    const { opened, admin } = await house();
    const moved = await configured(opened, "eu.example.com");
    expect(await look(admin)).toMatchObject({ ok: true });
    expect(await look(moved)).toMatchObject({ ok: true });

    let jane = "";
    const first = await serve(opened, "id.eu.example.com", async (people) => {
      jane = (await people.create({ username: "jane", passkey: made() })).id;
      await people.create({ username: "kim", passkey: made() });
    });
    expect(first).toEqual([]);
    expect(await look(admin)).toMatchObject({ code: 0, ok: true });
    expect(await look(moved)).toMatchObject({
      code: 1,
      ok: false,
      message:
        "2 passkeys of 2 accounts made for id.eu.example.com would not work with the RP ID eu.example.com; " +
        "2 accounts would have no other passkey",
      remedy: expect.stringContaining("back to id.eu.example.com"),
    });

    // Looking changes nothing; a server that starts all the same says it, and its new passkeys are good.
    expect(await look(admin)).toMatchObject({ ok: true });
    const warned = await serve(opened, "eu.example.com", async (people) => {
      await people.addPasskey(jane, made());
    });
    expect(warned).toEqual([expect.stringContaining("2 passkeys of 2 accounts made for id.eu.example.com")]);
    expect((await look(moved)).message).toContain("2 accounts made for id.eu.example.com");
    expect((await look(moved)).message).toContain("; 1 account would have no other passkey");
    // Going back strands the one that was made in between.
    expect((await look(admin)).message).toContain("1 passkey of 1 account made for eu.example.com");
    expect((await look(admin)).message).toContain("; 0 accounts would have no other passkey");
  });

  it("is not guessed in a store that never remembered any: the next start does", async () => {
    const { opened, admin } = await house();
    const found = await metaRecord.read(opened.store, META);
    const { rpIds: _, ...old } = found?.value ?? ({} as Meta);
    await opened.store.write(metaRecord.key(META), metaRecord.encode(old));
    expect((await look(admin)).message).toContain("the next start of the server remembers it");
    await serve(opened, "id.eu.example.com", async () => {});
    const { value } = (await metaRecord.read(opened.store, META)) ?? {};
    expect(value?.rpIds).toEqual([{ rpId: "id.eu.example.com", since: value?.created }]);
  });
});
