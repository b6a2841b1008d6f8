import { generateKeyPairSync } from "node:crypto";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accountRecord } from "../../src/account/account.ts";
import { loadSettings } from "../../src/config/load.ts";
import { openInstallation } from "../../src/installation.ts";
import { newVersion } from "../../src/store/record.ts";
import { startRedis } from "../support/redis.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { type Operator, operator } from "./operator.ts";

const SECRET = "a root secret of the tests with more than 32 bytes";
const REDIRECT = "https://wiki.example.com/cb";

describe.each(stores)("commands on $name", ({ open }) => {
  let opened: OpenStore;
  let admin: Operator;
  beforeAll(async () => {
    opened = await open();
    admin = operator({ LATCHKEY_STORE: opened.url, LATCHKEY_SECRET: SECRET });
  });
  afterAll(async () => {
    admin.remove();
    await opened.close();
  });

  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keyFile = (content: unknown) =>
    writeFileSync(join(admin.cwd, "keys.json"), JSON.stringify(content) ?? "{ keys");

  test("setup makes the store ready and gives a new link each time", async () => {
    const first = await admin.run("setup", "--json");
    expect(first.code, first.err).toBe(0);
    expect(first.json()).toMatchObject({
      url: expect.stringMatching(/^http:\/\/localhost:3000\/setup\/[\w-]{43}$/),
      expires: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      store_id: expect.any(String),
    });
    const second = await admin.run("setup");
    expect(second.out).toMatch(/^setup +http:\/\/localhost:3000\/setup\/[\w-]{43}$/m);
    expect(second.out).not.toContain(String(first.json().url));
  });

  test("clients add prints id, secret and redirect URIs, and the client is there at once", async () => {
    const words = [
      "clients",
      "add",
      "--name",
      "Wiki",
      "--id",
      "wiki",
      "--redirect-uri",
      REDIRECT,
      `${REDIRECT}2`,
    ];
    const added = await admin.run(...words, "--first-party", "--json");
    expect(added.code, added.err).toBe(0);
    expect(added.json()).toMatchObject({
      client_id: "wiki",
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
      redirect_uris: [REDIRECT, `${REDIRECT}2`],
      first_party: true,
    });
    const shown = await admin.run("clients", "show", "wiki", "--json");
    const { client_secret: _, ...rest } = added.json();
    expect(shown.json()).toEqual(rest);
    expect((await admin.run("clients", "list", "--json")).json()).toEqual([rest]);
  });

  test("flags may be repeated, and public kinds get no secret", async () => {
    const words = [
      "--redirect-uri",
      "https://a.example.com/",
      "--redirect-uri",
      "http://localhost:5173/",
      "--scope",
      "openid email",
    ];
    const { code, json } = await admin.run(
      "clients",
      "add",
      "--name",
      "Board",
      "--kind",
      "spa",
      ...words,
      "--json",
    );
    expect(code).toBe(0);
    expect(json()).toMatchObject({
      redirect_uris: ["https://a.example.com/", "http://localhost:5173/"],
      scope: "openid email",
      token_endpoint_auth_method: "none",
    });
    expect(json()).not.toHaveProperty("client_secret");
  });

  test("--no-pkce is for clients with a secret: a public kind exits 2", async () => {
    const words = ["clients", "add", "--name", "Old", "--redirect-uri", REDIRECT, "--no-pkce", "--json"];
    expect((await admin.run(...words)).json()).toMatchObject({ require_pkce: false });
    for (const kind of ["spa", "native"]) {
      const { code, err } = await admin.run(...words, "--kind", kind);
      expect(code).toBe(2);
      expect(err).toContain("PKCE");
    }
  });

  test.each([
    ["a hostile address", "--redirect-uri", "javascript:alert(1)"],
    ["a scope that does not exist", "--scope", "no-such-scope"],
    ["a grant that does not exist", "--grant", "password"],
  ])("clients add with %s exits 2 and adds nothing", async (_, flag, value) => {
    const before = (await admin.run("clients", "list", "--json")).out;
    const base = flag === "--redirect-uri" ? [] : ["--redirect-uri", REDIRECT];
    const { code, json } = await admin.run("clients", "add", "--name", "Bad", ...base, flag, value, "--json");
    expect(code).toBe(2);
    expect(json()).toMatchObject({ code: "client_invalid" });
    expect((await admin.run("clients", "list", "--json")).out).toBe(before);
  });

  test("--jwks takes the app's public keys from a file, and clients show has them", async () => {
    const jwk = { ...publicKey.export({ format: "jwk" }), kid: "one" };
    keyFile({ keys: [jwk] });
    const words = ["--redirect-uri", REDIRECT, "--auth-method", "private_key_jwt", "--jwks", "keys.json"];
    const added = await admin.run("clients", "add", "--name", "Signs", "--id", "signs", ...words, "--json");
    expect(added.code, added.err).toBe(0);
    expect(added.json()).not.toHaveProperty("client_secret");
    expect((await admin.run("clients", "show", "signs", "--json")).json()).toMatchObject({
      token_endpoint_auth_method: "private_key_jwt",
      jwks: { keys: [jwk] },
    });
    expect((await admin.run("clients", "show", "signs")).out).toMatch(/^jwks key +EC P-256 one$/m);
    await admin.run("clients", "remove", "signs", "--yes");
  });

  test.each([
    ["a private key", () => keyFile({ keys: [privateKey.export({ format: "jwk" })] }), "private member d"],
    ["a key set that is too large", () => keyFile({ keys: [], more: "x".repeat(65_536) }), "64 KiB"],
    ["a list instead of a key set", () => keyFile([]), "one JSON object"],
    ["no JSON", () => keyFile(undefined), "not valid JSON"],
    ["no file", () => {}, "does not exist"],
  ])("--jwks with %s exits 2 and adds nothing", async (_, make, reason) => {
    rmSync(join(admin.cwd, "keys.json"), { force: true });
    make();
    const words = ["--redirect-uri", REDIRECT, "--auth-method", "private_key_jwt", "--jwks", "keys.json"];
    const { code, out, err } = await admin.run("clients", "add", "--name", "Bad", "--id", "bad", ...words);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(reason);
    expect((await admin.run("clients", "show", "bad")).code).toBe(1);
  });

  test("clients update changes what it names", async () => {
    const { code, json } = await admin.run(
      "clients",
      "update",
      "wiki",
      "--name",
      "The Wiki",
      "--no-first-party",
      "--json",
    );
    expect(code).toBe(0);
    expect(json()).toMatchObject({
      client_name: "The Wiki",
      first_party: false,
      redirect_uris: [REDIRECT, `${REDIRECT}2`],
    });
    expect(json()).not.toHaveProperty("client_secret");
    const renewed = await admin.run("clients", "update", "wiki", "--new-secret", "--json");
    expect(renewed.json()).toMatchObject({ client_secret: expect.any(String) });
  });

  test("clients limits an app to groups and takes the limit away, and sets and takes away where it begins", async () => {
    const uris = [
      "--client-uri",
      "https://a.example.com/",
      "--initiate-login-uri",
      "https://a.example.com/start",
    ];
    const added = await admin.run(
      ...["clients", "add", "--name", "Papers", "--id", "papers", "--redirect-uri", REDIRECT],
      ...uris,
      ...["--group", "board", "--group", "Head Office", "--json"],
    );
    expect(added.code, added.err).toBe(0);
    expect(added.json()).toMatchObject({
      groups: ["board", "Head Office"],
      client_uri: "https://a.example.com/",
      initiate_login_uri: "https://a.example.com/start",
    });
    expect((await admin.run("clients", "show", "papers")).out).toMatch(/^only for +board, Head Office$/m);
    expect((await admin.run("clients", "list")).out).toMatch(/^papers .*board, Head Office$/m);
    const words = ["clients", "update", "papers", "--json"];
    expect((await admin.run(...words, "--group", "staff")).json()).toMatchObject({ groups: ["staff"] });
    expect((await admin.run(...words, "--name", "Paper")).json()).toMatchObject({ groups: ["staff"] });
    const free = await admin.run(...words, "--no-group", "--no-client-uri", "--no-initiate-login-uri");
    for (const member of ["groups", "client_uri", "initiate_login_uri"])
      expect(free.json()).not.toHaveProperty(member);
    const wrong = await admin.run(...words, "--group", "a/b");
    expect([wrong.code, wrong.json().code]).toEqual([2, "client_invalid"]);
    await admin.run("clients", "remove", "papers", "--yes");
  });

  test("whoever declines gets one document that says so, and nothing is changed", async () => {
    await admin.run("groups", "add", "staff");
    const declined = async (...words: string[]) => (await admin.answer("n", ...words, "--json")).json();
    expect(await declined("groups", "remove", "staff")).toEqual({ name: "staff", removed: false });
    expect(await declined("passwords", "drop", "--all")).toEqual({ dropped: 0, without_passkey: 0 });
    expect(await declined("passwords", "seal")).toEqual({ changed: false });
    expect((await admin.run("groups", "list")).out).toContain("staff");
    expect((await admin.run("passwords", "status", "--json")).json()).toMatchObject({ sealed: false });
  });

  test("clients remove asks a person, needs --yes without one, and removes once", async () => {
    const unasked = await admin.run("clients", "remove", "wiki");
    expect(unasked).toMatchObject({ code: 2, out: "" });
    expect(unasked.err).toContain("--yes");
    const declined = await admin.answer("n", "clients", "remove", "wiki", "--json");
    expect(declined.json()).toEqual({ client_id: "wiki", removed: false });
    expect((await admin.run("clients", "show", "wiki")).code).toBe(0);
    const removed = await admin.answer("y", "clients", "remove", "wiki", "--json");
    expect(removed.json()).toEqual({ client_id: "wiki", removed: true });
    const again = await admin.run("clients", "remove", "wiki", "--yes");
    expect(again).toMatchObject({ code: 1, out: "" });
    expect(again.err).toBe("There is no such client.\n");
  });

  test("accounts are listed and shown in the words of the contract", async () => {
    const settings = loadSettings({
      env: { LATCHKEY_STORE: opened.url, LATCHKEY_SECRET: SECRET },
      cwd: admin.cwd,
    });
    const installation = await openInstallation(settings);
    const account = await installation.accounts.create({
      email: "jane@example.com",
      name: "Jane \u{1f511}",
      passkey,
    });
    await installation.close();
    const expected = {
      id: account.id,
      username: "jane",
      email: "jane@example.com",
      email_verified: false,
      groups: [],
      state: "active",
      ways: ["passkey"],
      passkeys: [
        {
          id: passkey.id,
          name: "Phone",
          aaguid: passkey.aaguid,
          synced: true,
          backed_up: false,
          created: "2026-11-22T00:00:00.000Z",
          last_used: null,
          state: "active",
        },
      ],
    };
    for (const named of ["jane", "JANE", account.id]) {
      const { code, json, err } = await admin.run("accounts", "show", named, "--json");
      expect(code, err).toBe(0);
      expect(json()).toMatchObject(expected);
    }
    expect((await admin.run("accounts", "show", "jane")).out).toMatch(
      /^passkey +Phone \(active, last used never\)$/m,
    );
    expect((await admin.run("accounts", "list", "--json")).json()).toMatchObject([expected]);
    expect((await admin.run("accounts", "list")).out).toContain("jane@example.com");
    for (const named of ["nobody", "", "a:b", "\0", "x".repeat(5000)]) {
      const { code, err } = await admin.run("accounts", "show", named);
      expect(code).toBe(1);
      expect(err).toMatch(/^There is no such account\. Nobody is called [^\0\n]{0,80}\.\n$/);
    }
  });

  test("an id names its account, also when somebody else's username reads the same", async () => {
    const settings = loadSettings({
      env: { LATCHKEY_STORE: opened.url, LATCHKEY_SECRET: SECRET },
      cwd: admin.cwd,
    });
    const { accounts, store, close } = await openInstallation(settings);
    const mallory = await accounts.create({
      name: "Mallory",
      username: "staff-7",
      passkey: other("mallory"),
    });
    const victim = await accounts.create({ name: "Victim", username: "victim", passkey: other("victim") });
    // As an import that keeps foreign ids leaves it.
    const imported = { ...victim, id: "staff-7", username: "imported", passkeys: [] };
    const how = { expect: "absent", version: newVersion() } as const;
    await store.commit(accountRecord.key("staff-7"), accountRecord.encode(imported), how);
    const shown = async (named: string) => (await admin.run("accounts", "show", named, "--json")).json();
    expect(await shown("staff-7")).toMatchObject({ id: "staff-7", username: "imported" });
    expect(await shown(mallory.id)).toMatchObject({ id: mallory.id, username: "staff-7" });
    for (const { id } of [imported, mallory, victim]) await store.remove(accountRecord.key(id));
    await close();
  });

  test("the doctor finds nothing but the missing owner", async () => {
    const { code, json } = await admin.run("doctor", "--json");
    const { ok, checks } = json() as { ok: boolean; checks: Record<string, unknown>[] };
    expect({ code, ok }).toEqual({ code: 0, ok: true });
    const names = checks.map(({ name }) => name);
    for (const name of ["node", "clock", "configuration", "store", "secret", "owner"])
      expect(names).toContain(name);
    expect(checks.filter((check) => check.ok !== true)).toEqual([
      {
        name: "owner",
        ok: false,
        level: "warning",
        message: expect.any(String),
        remedy: expect.stringContaining("setup"),
      },
    ]);
    const meta = await opened.store.read<{ id: string }>("meta:store");
    expect((await admin.run("doctor")).out).toMatch(
      new RegExp(`^ok +store: .*the id of the store is ${meta?.value.id}$`, "m"),
    );
  });

  test("with another secret nothing opens the store: exit 2, and the doctor says so", async () => {
    const stranger = operator({ LATCHKEY_STORE: opened.url, LATCHKEY_SECRET: `another ${SECRET}` });
    const { code, err } = await stranger.run("clients", "list");
    expect(code).toBe(2);
    expect(err).toMatch(/secret/);
    const { json } = await stranger.run("doctor", "--json");
    expect(json().checks).toContainEqual(
      expect.objectContaining({ name: "secret", ok: false, level: "error" }),
    );
    stranger.remove();
  });
});

const passkey = {
  id: "cGFzc2tleS1vZi1qYW5l",
  publicKey: "AAAA",
  algorithm: -7,
  counter: 0,
  transports: ["internal"],
  aaguid: "00000000-0000-0000-0000-000000000000",
  backupEligible: true,
  backedUp: false,
  attestation: "none" as const,
  state: "active" as const,
  name: "Phone",
  created: Date.UTC(2026, 10, 22),
};

/** A passkey of somebody else. */
const other = (whose: string) => ({ ...passkey, id: Buffer.from(whose).toString("base64url") });

describe("beside localhost", () => {
  const env = { LATCHKEY_ISSUER: "https://id.example.com", LATCHKEY_SECRET: SECRET };

  test("only setup initialises a store", async () => {
    const admin = operator(env);
    const refused = await admin.run("clients", "list");
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("setup");
    expect((await admin.run("doctor")).code).toBe(1);
    const { json } = await admin.run("setup", "--json");
    expect(json().url).toMatch(/^https:\/\/id\.example\.com\/setup\//);
    expect((await admin.run("clients", "list")).code).toBe(0);
    expect((await admin.run("doctor")).code).toBe(0);
    admin.remove();
  });

  test("the doctor makes nothing", async () => {
    const admin = operator();
    const { code, out } = await admin.run("doctor");
    expect(code).toBe(0);
    expect(out).toContain("not there yet");
    expect(readdirSync(admin.cwd)).toEqual([]);
    admin.remove();
  });

  test.runIf(stores.some(({ name }) => name === "redis"))(
    "a store that is away is a failure, not wrong usage",
    async () => {
      const server = await startRedis();
      await server.kill();
      const admin = operator({ ...env, LATCHKEY_STORE: server.url.replace("//", "//user:hunter2@") });
      const { code, out, err } = await admin.run("clients", "list");
      expect({ code, out }).toEqual({ code: 1, out: "" });
      expect(err).toContain(`(connect ECONNREFUSED 127.0.0.1:${server.port})`);
      const { json } = await admin.run("doctor", "--json");
      expect(json().checks).toContainEqual(
        expect.objectContaining({ name: "store", ok: false, level: "error", remedy: expect.any(String) }),
      );
      expect(err + JSON.stringify(json())).not.toContain("hunter2");
      admin.remove();
      await server.stop();
    },
  );
});
