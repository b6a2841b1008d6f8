import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isRefusal } from "../../src/errors.ts";
import type { Event } from "../../src/events.ts";
import {
  type ClientInput,
  type Clients,
  clients,
  matchesClientSecret,
  type PublicJwk,
  toPublic,
} from "../../src/oidc/client/clients.ts";
import type { Store } from "../../src/store/store.ts";
import { type OpenStore, stores } from "../support/stores.ts";

const REDIRECT = "https://wiki.example.com/cb";
const wiki = { name: "Wiki", redirectUris: [REDIRECT] } satisfies ClientInput;

/** Code and detail of the refusal that some work ends in. */
async function refusal(work: Promise<unknown>): Promise<[string, string]> {
  try {
    await work;
  } catch (error) {
    if (isRefusal(error)) return [error.code, error.detail ?? ""];
    throw error;
  }
  return ["none", ""];
}

describe.each(stores)("clients on $name", ({ open }) => {
  let opened: OpenStore;
  let registry: Clients;
  let events: Event[];
  let now: number;
  const clock = { now: () => now };

  beforeEach(async () => {
    opened = await open();
    events = [];
    now = Date.UTC(2026, 10, 22);
    registry = clients({ store: opened.store, clock, announce: (event) => void events.push(event) });
  });
  afterEach(() => opened.close());

  test("a client is usable as soon as it is added, and keeps what was said", async () => {
    const { client, secret } = await registry.add({
      ...wiki,
      id: "wiki",
      firstParty: true,
      postLogoutRedirectUris: ["https://wiki.example.com/bye"],
      backchannelLogoutUri: "https://wiki.example.com/logout",
      initiateLoginUri: "https://wiki.example.com/start",
      scopes: ["openid", "email"],
    });
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(await registry.show("wiki")).toEqual(client);
    expect(await registry.metadata("wiki")).toEqual({
      client_id: "wiki",
      client_name: "Wiki",
      client_secret: expect.stringMatching(/^sha256\.[\w-]{43}$/),
      client_id_issued_at: now / 1000,
      application_type: "web",
      token_endpoint_auth_method: "client_secret_basic",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      redirect_uris: [REDIRECT],
      post_logout_redirect_uris: ["https://wiki.example.com/bye"],
      backchannel_logout_uri: "https://wiki.example.com/logout",
      backchannel_logout_session_required: true,
      initiate_login_uri: "https://wiki.example.com/start",
      scope: "openid email",
      first_party: true,
      require_pkce: true,
      origins: [],
    });
    expect(events).toMatchObject([{ type: "client.added", subject: "wiki", at: now }]);
  });

  test("SEC-113 the secret is told once and is nowhere in the store", async () => {
    const { secret = "" } = await registry.add({ ...wiki, id: "wiki" });
    const everything = JSON.stringify(await everyRecord(opened.store));
    expect(everything).toContain(REDIRECT);
    expect(everything).not.toContain(secret);
    const kept = (await registry.metadata("wiki"))?.client_secret;
    expect(matchesClientSecret(kept, secret)).toBe(true);
    expect(matchesClientSecret(kept, `${secret}x`)).toBe(false);
    expect(JSON.stringify(events)).not.toContain(secret);
    expect(JSON.stringify(toPublic(await registry.show("wiki")))).not.toMatch(/"client_secret"|sha256/);
  });

  test("without an id it gets a random one", async () => {
    const ids = await Promise.all([registry.add(wiki), registry.add(wiki)]);
    expect(new Set(ids.map(({ client }) => client.id)).size).toBe(2);
    for (const { client } of ids) expect(client.id).toMatch(/^[0-9a-f]{32}$/);
  });

  test("an id is given once, also among twenty who want it at once", async () => {
    const attempts = Array.from({ length: 20 }, (_, index) =>
      registry.add({ ...wiki, id: "wiki", name: `Wiki ${index}` }),
    );
    const results = await Promise.allSettled(attempts);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const result of results) {
      if (result.status === "rejected") expect(isRefusal(result.reason, "client_exists")).toBe(true);
    }
    expect(await registry.list()).toHaveLength(1);
    expect(events).toHaveLength(1);
  });

  test("the list has every client once, by id", async () => {
    for (const id of ["b", "a", "c"]) await registry.add({ ...wiki, id });
    expect((await registry.list()).map(({ id }) => id)).toEqual(["a", "b", "c"]);
  });

  test("an update replaces what it names and keeps the rest", async () => {
    const { client } = await registry.add({
      ...wiki,
      id: "wiki",
      initiateLoginUri: "https://wiki.example.com/start",
    });
    now += 5000;
    const { client: changed, secret } = await registry.update("wiki", {
      name: "The Wiki",
      redirectUris: [`${REDIRECT}2`, `${REDIRECT}2`],
      initiateLoginUri: null,
    });
    expect(secret).toBeUndefined();
    const { initiateLoginUri: _, ...rest } = client;
    expect(changed).toEqual({ ...rest, name: "The Wiki", redirectUris: [`${REDIRECT}2`], updated: now });
    expect((await registry.metadata("wiki"))?.redirect_uris).toEqual([`${REDIRECT}2`]);
    expect(events.at(-1)).toMatchObject({ type: "client.updated", subject: "wiki" });
  });

  test("an app is limited to groups, and to nobody any more; the names are those that accounts have", async () => {
    const named = { ...wiki, id: "wiki", groups: ["staff", "Cafe\u0301", "staff"] };
    const { client } = await registry.add({ ...named, clientUri: "https://wiki.example.com" });
    expect(client.groups).toEqual(["staff", "Caf\u00e9"]);
    expect(await registry.metadata("wiki")).toMatchObject({
      groups: ["staff", "Caf\u00e9"],
      client_uri: "https://wiki.example.com",
    });
    expect((await registry.update("wiki", { name: "Pages" })).client.groups).toEqual(client.groups);
    const { client: free } = await registry.update("wiki", { groups: null, clientUri: null });
    expect(free).not.toHaveProperty("groups");
    expect(free).not.toHaveProperty("clientUri");
  });

  test("the portal is told of apps that begin somewhere, and of no others", async () => {
    const clientUri = "https://wiki.example.com/";
    await registry.add({ ...wiki, id: "front", clientUri });
    await registry.add({ ...wiki, id: "start", initiateLoginUri: "https://wiki.example.com/start" });
    await registry.add({ ...wiki, id: "nowhere" });
    await registry.add({ name: "Job", id: "job", kind: "machine", clientUri });
    const ids = async () => (await registry.launchable()).map(({ id }) => id);
    expect(await ids()).toEqual(["front", "start"]);
    await registry.update("nowhere", { clientUri });
    await registry.update("start", { initiateLoginUri: null });
    expect(await ids()).toEqual(["front", "nowhere"]);
    await registry.remove("front");
    expect(await ids()).toEqual(["nowhere"]);
  });

  test("two updates at once are both in the result", async () => {
    await registry.add({ ...wiki, id: "wiki" });
    await Promise.all([
      registry.update("wiki", { name: "New" }),
      registry.update("wiki", { firstParty: true }),
    ]);
    expect(await registry.show("wiki")).toMatchObject({ name: "New", firstParty: true });
  });

  test("a new secret makes the old one worthless", async () => {
    const { secret: old = "" } = await registry.add({ ...wiki, id: "wiki" });
    const { secret = "" } = await registry.update("wiki", { newSecret: true });
    const kept = (await registry.metadata("wiki"))?.client_secret;
    expect([matchesClientSecret(kept, secret), matchesClientSecret(kept, old)]).toEqual([true, false]);
  });

  test("a secret comes and goes with the way the client proves itself", async () => {
    await registry.add({ ...wiki, id: "wiki", authMethod: "none" });
    expect((await registry.metadata("wiki"))?.client_secret).toBeUndefined();
    const { secret } = await registry.update("wiki", { authMethod: "post" });
    expect(matchesClientSecret((await registry.metadata("wiki"))?.client_secret, secret ?? "")).toBe(true);
    await registry.update("wiki", {
      authMethod: "private_key_jwt",
      jwksUri: "https://wiki.example.com/jwks",
    });
    expect((await registry.metadata("wiki"))?.client_secret).toBeUndefined();
  });

  test("a removed client is unknown at once", async () => {
    await registry.add({ ...wiki, id: "wiki" });
    await registry.metadata("wiki");
    await registry.remove("wiki");
    expect(await registry.metadata("wiki")).toBeUndefined();
    expect(await registry.list()).toEqual([]);
    expect(events.at(-1)).toMatchObject({ type: "client.removed", subject: "wiki" });
    for (const work of [registry.show("wiki"), registry.update("wiki", {}), registry.remove("wiki")]) {
      expect(await refusal(work)).toEqual(["client_unknown", ""]);
    }
  });

  test("another instance sees every change within a second, and absence is never remembered", async () => {
    const other = clients({ store: await opened.reopen(), clock, announce() {} });
    expect(await registry.metadata("wiki")).toBeUndefined();
    await other.add({ ...wiki, id: "wiki" });
    expect((await registry.metadata("wiki"))?.client_name).toBe("Wiki");
    await other.update("wiki", { name: "New" });
    now += 999;
    expect((await registry.metadata("wiki"))?.client_name).toBe("Wiki");
    now += 1;
    expect((await registry.metadata("wiki"))?.client_name).toBe("New");
    await other.remove("wiki");
    now += 1000;
    expect(await registry.metadata("wiki")).toBeUndefined();
  });

  test("a clock that is set back keeps no old answer alive", async () => {
    const other = clients({ store: await opened.reopen(), clock, announce() {} });
    await other.add({ ...wiki, id: "wiki" });
    await registry.metadata("wiki");
    await other.remove("wiki");
    now -= 3_600_000;
    expect(await registry.metadata("wiki")).toBeUndefined();
  });

  test("metadata is a fresh object each time: the library changes what it is given", async () => {
    await registry.add({ ...wiki, id: "wiki" });
    (await registry.metadata("wiki"))?.redirect_uris.push("https://evil.example/cb");
    expect((await registry.metadata("wiki"))?.redirect_uris).toEqual([REDIRECT]);
  });

  test.each([
    "",
    "a:b",
    "*",
    "{wiki}",
    "wiki\n",
    "wiki\0",
    "../wiki",
    "__proto__",
    "é",
    "x".repeat(129),
    " wiki",
  ])("SEC-114 no client has the id %j, and the store is not asked for it", async (id) => {
    expect(await registry.metadata(id)).toBeUndefined();
    expect(await refusal(registry.add({ ...wiki, id }))).toEqual([
      "client_invalid",
      expect.stringContaining("id must"),
    ]);
    expect(await refusal(registry.show(id))).toEqual(["client_unknown", ""]);
  });

  test.each(["wiki", "constructor", "A.b_c~d-9", "x".repeat(128)])("%j is an id", async (id) => {
    await registry.add({ ...wiki, id });
    expect((await registry.metadata(id))?.client_id).toBe(id);
  });
});

async function everyRecord(store: Store): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const { entries } of store.scan("client")) found.push(...entries);
  return found;
}

interface Pair {
  publicKey: KeyObject;
  privateKey: KeyObject;
}

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const ed25519 = generateKeyPairSync("ed25519");
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const shortRsa = generateKeyPairSync("rsa", { modulusLength: 1024 });

const publicJwk = ({ publicKey }: Pair) => publicKey.export({ format: "jwk" }) as unknown as PublicJwk;
const privateJwk = ({ privateKey }: Pair) =>
  privateKey.export({ format: "jwk" }) as unknown as PublicJwk & { d: string };

/** An app that proves itself with these keys, whatever they are. */
function signing(keys: unknown) {
  return {
    redirectUris: [REDIRECT],
    authMethod: "private_key_jwt",
    jwks: { keys: keys as PublicJwk[] },
  } satisfies Partial<ClientInput>;
}

describe("what a client may be", () => {
  let opened: OpenStore;
  let registry: Clients;

  beforeEach(async () => {
    opened = await (stores[0] as (typeof stores)[number]).open();
    registry = clients({ store: opened.store, clock: { now: () => 0 }, announce() {} });
  });
  afterEach(() => opened.close());

  const metadata = async (input: Partial<ClientInput>) => {
    const { client } = await registry.add({ name: "App", ...input });
    return registry.metadata(client.id);
  };

  test("a single-page app is public and may call from the origins of its redirect URIs", async () => {
    const redirectUris = [
      "https://app.example.com/cb",
      "https://app.example.com/silent",
      "http://localhost:5173/",
    ];
    expect(await metadata({ kind: "spa", redirectUris })).toMatchObject({
      application_type: "web",
      token_endpoint_auth_method: "none",
      origins: ["https://app.example.com", "http://localhost:5173"],
    });
  });

  test("a native app is public and may have a private-use scheme", async () => {
    const found = await metadata({ kind: "native", redirectUris: ["com.example.app:/cb"] });
    expect(found).toMatchObject({
      application_type: "native",
      token_endpoint_auth_method: "none",
      origins: [],
    });
    expect(found).not.toHaveProperty("client_secret");
  });

  test("a machine has client credentials and nothing else", async () => {
    expect(await metadata({ kind: "machine" })).toMatchObject({
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
      token_endpoint_auth_method: "client_secret_basic",
    });
  });

  test("a device has no redirect URI", async () => {
    const found = await metadata({ kind: "native", grants: ["device_code", "refresh_token"] });
    expect(found?.grant_types).toEqual(["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"]);
    expect(found?.response_types).toEqual([]);
  });

  test("a refresh token alone comes with the code", async () => {
    const found = await metadata({ redirectUris: [REDIRECT], grants: ["refresh_token"] });
    expect(found?.grant_types).toEqual(["authorization_code", "refresh_token"]);
  });

  test("PKCE may be left out with a secret only", async () => {
    const found = await metadata({ redirectUris: [REDIRECT], pkce: false });
    expect(found?.require_pkce).toBe(false);
    for (const kind of ["spa", "native"] as const) {
      const work = registry.add({ name: "App", kind, redirectUris: [REDIRECT], pkce: false });
      expect(await refusal(work)).toEqual(["client_invalid", expect.stringContaining("PKCE")]);
    }
    const { client } = await registry.add({ name: "App", redirectUris: [REDIRECT], pkce: false });
    expect((await refusal(registry.update(client.id, { authMethod: "none" })))[0]).toBe("client_invalid");
  });

  const wrong: [string, Partial<ClientInput>, string][] = [
    ["no redirect URI", {}, "redirect_uris must hold one"],
    ["a hostile redirect URI", { redirectUris: [REDIRECT, "javascript:alert(1)"] }, "redirect_uris[1]"],
    [
      "a hostile sign-out address",
      { redirectUris: [REDIRECT], postLogoutRedirectUris: ["http://evil.example"] },
      "post_logout_redirect_uris[0]",
    ],
    [
      "a hostile back channel",
      { redirectUris: [REDIRECT], backchannelLogoutUri: "ftp://evil.example" },
      "backchannel_logout_uri",
    ],
    [
      "SEC-101 a hostile start",
      { redirectUris: [REDIRECT], initiateLoginUri: "javascript:alert(1)" },
      "initiate_login_uri",
    ],
    ...[
      "javascript:alert(1)",
      "data:text/html,x",
      "//evil.example",
      "https:evil",
      "ftp://app.example.com/",
      "http://app.example.com/",
      "java\tscript:alert(1)",
      "https://app.example.com/\n",
      "https://jane@app.example.com/",
      "blob:https://app.example.com/x",
    ].map((clientUri): [string, Partial<ClientInput>, string] => [
      `SEC-101 the front page ${JSON.stringify(clientUri)}`,
      { redirectUris: [REDIRECT], clientUri },
      "client_uri",
    ]),
    ...["data:text/html,x", "//evil.example", "java\tscript:alert(1)"].map(
      (initiateLoginUri): [string, Partial<ClientInput>, string] => [
        `SEC-101 the start ${JSON.stringify(initiateLoginUri)}`,
        { redirectUris: [REDIRECT], initiateLoginUri },
        "initiate_login_uri",
      ],
    ),
    ["a limit that nobody meets", { redirectUris: [REDIRECT], groups: [] }, "groups must hold one"],
    [
      "a group that can be none",
      { redirectUris: [REDIRECT], groups: ["staff", " x"] },
      "groups must be names",
    ],
    [
      "too many groups",
      { redirectUris: [REDIRECT], groups: Array.from({ length: 65 }, (_, at) => `g${at}`) },
      "at most 64",
    ],
    ["groups of a machine", { kind: "machine", groups: ["staff"] }, "nobody signs in to kind machine"],
    [
      "plain http as a start",
      { redirectUris: [REDIRECT], initiateLoginUri: "http://localhost/start" },
      "initiate_login_uri",
    ],
    ["an empty name", { name: "", redirectUris: [REDIRECT] }, "name must"],
    ["SEC-112 control characters in a name", { name: "A\u001b[2J", redirectUris: [REDIRECT] }, "name must"],
    ["text that turns around in a name", { name: "A\u202eppa", redirectUris: [REDIRECT] }, "name must"],
    ["a long name", { name: "x".repeat(129), redirectUris: [REDIRECT] }, "name must"],
    ["an unknown kind", { kind: "robot" as never }, "kind must"],
    ["a kind from the prototype", { kind: "constructor" as never }, "kind must"],
    [
      "a grant of another kind",
      { kind: "spa", redirectUris: [REDIRECT], grants: ["client_credentials"] },
      "grants of kind spa",
    ],
    ["the implicit grant", { redirectUris: [REDIRECT], grants: ["implicit"] }, "grants of kind web"],
    ["the password grant", { redirectUris: [REDIRECT], grants: ["password"] }, "grants of kind web"],
    ["no grant", { grants: [] }, "grants must"],
    ["a machine with a redirect URI", { kind: "machine", redirectUris: [REDIRECT] }, "redirect_uris are for"],
    ["a machine without a secret", { kind: "machine", authMethod: "none" }, "auth method of kind machine"],
    [
      "a secret in a page",
      { kind: "spa", redirectUris: [REDIRECT], authMethod: "basic" },
      "auth method of kind spa",
    ],
    ["no keys", { redirectUris: [REDIRECT], authMethod: "private_key_jwt" }, "jwks_uri or a jwks"],
    [
      "keys and an address of keys",
      { ...signing([publicJwk(ec)]), jwksUri: "https://wiki.example.com/jwks" },
      "jwks_uri and jwks",
    ],
    ["a key set that is none", signing(undefined), "jwks must be a JWK Set"],
    ["a key set without keys", signing([]), "1 to 50 keys"],
    ["SEC-99 a key too many", signing(Array(51).fill(publicJwk(ec))), "1 to 50 keys"],
    ["SEC-99 too much", signing([{ ...publicJwk(ec), x5c: ["A".repeat(65_536)] }]), "64 KiB"],
    ["a key that is none", signing([publicJwk(ec), null]), "jwks.keys[1] is not a key"],
    ["a private key", signing([privateJwk(ec)]), "jwks.keys[0] holds the private member d"],
    ["the rest of a private key", signing([{ ...publicJwk(rsa), qi: "AQ" }]), "private member qi"],
    ["SEC-92 a shared secret", signing([{ kty: "oct", k: "c2VjcmV0" }]), "private member k"],
    ["a curve that no signature is made with here", signing([publicJwk(p384)]), "EC P-256"],
    ["SEC-92 a key for another algorithm", signing([{ ...publicJwk(rsa), alg: "HS256" }]), "alg must be"],
    ["a key for encryption", signing([{ ...publicJwk(rsa), use: "enc" }]), "use must be sig"],
    ["a name of a key that is none", signing([{ ...publicJwk(ec), kid: 7 }]), "kid must be"],
    [
      "a point beside its curve",
      signing([{ ...publicJwk(ec), x: publicJwk(ec).y }]),
      "not a valid public key",
    ],
    ["a short RSA key", signing([publicJwk(shortRsa)]), "2048 bits"],
    ["a scope with a space", { redirectUris: [REDIRECT], scopes: ["openid email"] }, "scopes"],
    [
      "too many redirect URIs",
      { redirectUris: Array.from({ length: 65 }, (_, index) => `${REDIRECT}${index}`) },
      "at most 64",
    ],
  ];

  test.each([
    ["EC", ec],
    ["Ed25519", ed25519],
    ["RSA", rsa],
  ])("a client may give its public keys themselves: %s", async (_, pair) => {
    const jwk = { ...publicJwk(pair), kid: "one", use: "sig" };
    const most = [jwk, ...Array(49).fill(publicJwk(ec))];
    const found = await metadata(signing([{ ...jwk, x5c: ["A"], ext: true }, ...most.slice(1)]));
    expect(found).toMatchObject({ token_endpoint_auth_method: "private_key_jwt", jwks: { keys: most } });
    expect(found?.jwks?.keys[0]).toEqual(jwk);
    expect(found).not.toHaveProperty("client_secret");
  });

  test("keys take the place of their address, and the address that of the keys", async () => {
    const jwksUri = "https://wiki.example.com/jwks";
    const { client } = await registry.add({ name: "App", ...signing([publicJwk(ec)]) });
    const kept = async () => {
      const { jwks, jwks_uri } = (await registry.metadata(client.id)) ?? {};
      return { jwks, jwks_uri };
    };
    await registry.update(client.id, { jwksUri });
    expect(await kept()).toEqual({ jwks: undefined, jwks_uri: jwksUri });
    const jwks = { keys: [publicJwk(rsa)] };
    expect((await refusal(registry.update(client.id, { jwksUri, jwks })))[0]).toBe("client_invalid");
    await registry.update(client.id, { jwks });
    expect(await kept()).toEqual({ jwks, jwks_uri: undefined });
    expect((await refusal(registry.update(client.id, { jwks: null })))[0]).toBe("client_invalid");
  });

  test("no part of a private key comes back in the reason of its refusal", async () => {
    const [code, detail] = await refusal(registry.add({ name: "App", ...signing([privateJwk(ec)]) }));
    expect(code).toBe("client_invalid");
    for (const value of [privateJwk(ec).d, privateJwk(ec).x]) expect(detail).not.toContain(value);
  });

  test.each(wrong)("%s is refused, and nothing is stored", async (_, input, reason) => {
    const [code, detail] = await refusal(registry.add({ name: "App", ...input }));
    expect(code).toBe("client_invalid");
    expect(detail).toContain(reason);
    expect(await registry.list()).toEqual([]);
  });

  test("all problems come at once", async () => {
    const [, detail] = await refusal(
      registry.add({ name: "", kind: "spa", redirectUris: ["x", "http://a.b"], pkce: false }),
    );
    for (const part of ["name", "redirect_uris[0]", "redirect_uris[1]", "PKCE"])
      expect(detail).toContain(part);
  });

  test("an update is checked like an addition and changes nothing when refused", async () => {
    const { client } = await registry.add({ ...wiki });
    for (const patch of [
      { redirectUris: [] },
      { redirectUris: ["javascript:alert(1)"] },
      { name: "\n" },
      { grants: ["implicit"] },
    ]) {
      expect((await refusal(registry.update(client.id, patch)))[0]).toBe("client_invalid");
    }
    expect(await registry.show(client.id)).toEqual(client);
  });

  test("SEC-107 an update cannot reach members that are not its own", async () => {
    const { client } = await registry.add({ ...wiki, id: "wiki" });
    for (const member of [
      "id",
      "kind",
      "created",
      "updated",
      "secret",
      "isAdmin",
      "schema",
      "__proto__",
      "constructor",
    ]) {
      const patch = JSON.parse(`{"name":"New","${member}":"x"}`);
      expect(await refusal(registry.update("wiki", patch)), member).toEqual([
        "client_invalid",
        expect.any(String),
      ]);
    }
    expect(await registry.show("wiki")).toEqual(client);
    await registry.update("wiki", JSON.parse('{"name":"New"}'));
    expect(await registry.show("wiki")).toEqual({ ...client, name: "New" });
  });

  test("a further opinion refuses with its reason, which is asked before anything is stored", async () => {
    const asked: string[] = [];
    const strict = clients({
      store: opened.store,
      clock: { now: () => 0 },
      announce() {},
      async validate({ client_name }) {
        asked.push(client_name);
        if (client_name === "Bad")
          throw Object.assign(new Error("no"), { error_description: "scope is not supported" });
      },
    });
    expect(await refusal(strict.add({ ...wiki, name: "Bad" }))).toEqual([
      "client_invalid",
      "Not accepted: scope is not supported.",
    ]);
    const { client } = await strict.add({ ...wiki, name: "Good" });
    expect((await refusal(strict.update(client.id, { name: "Bad" })))[0]).toBe("client_invalid");
    expect((await strict.list()).map(({ name }) => name)).toEqual(["Good"]);
    expect(asked).toEqual(["Bad", "Good", "Bad"]);
  });
});

test("a kept secret without the marker fits nothing, not even itself", () => {
  for (const kept of [undefined, "", "secret", "sha256."]) {
    expect(matchesClientSecret(kept, kept ?? "")).toBe(false);
  }
});
