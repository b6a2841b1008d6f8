/** What comes of a host's configuration: everything it said, and ours beside it. */
import type { Configuration } from "oidc-provider";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type PasskeysOptions, passkeys } from "../../src/plugin/passkeys.ts";
import { redisStore } from "../../src/store/redis.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { Users } from "./host.ts";

describe("keys.configuration", () => {
  let opened: OpenStore;
  const accounts = new Users().directory;

  beforeAll(async () => {
    opened = await (stores[0] as (typeof stores)[number]).open();
  });
  afterAll(() => opened.close());

  const keysWith = (options: Partial<PasskeysOptions> = {}) =>
    passkeys({ issuer: "https://id.example.com", store: opened.store, accounts, ...options });
  const cookies = { keys: ["a cookie key"] };
  const merged = (host: Configuration, options: Partial<PasskeysOptions> = {}) =>
    keysWith(options).configuration({ cookies, ...host });

  it("adds to what the host said, and changes none of it", () => {
    const host: Configuration = {
      cookies,
      acrValues: ["gold"],
      claims: { openid: ["tenant"], profile: ["name"] },
      discovery: { service_documentation: "https://id.example.com/docs" },
      features: { deviceFlow: { enabled: true } },
      interactions: {},
      clients: [{ client_id: "wiki" }],
      ttl: { Session: 60 },
    };
    const before = structuredClone(host);
    const after = keysWith().configuration(host);
    expect(host).toEqual(before);
    expect(after).toMatchObject({
      acrValues: ["gold", "phr", "phrh", "urn:latchkey:acr:password"],
      claims: { openid: ["tenant", "sub", "acr", "amr", "auth_time"], profile: ["name"] },
      discovery: {
        service_documentation: "https://id.example.com/docs",
        prompt_values_supported: ["none", "login", "consent", "create"],
      },
      features: { deviceFlow: { enabled: true }, devInteractions: { enabled: false } },
      clients: [{ client_id: "wiki" }],
      ttl: { Session: 60 },
    });
    expect(after.interactions?.policy?.map(({ name }) => name)).toEqual(["create", "login", "consent"]);
  });

  it("keeps the host's own rule for grants, and adds to the policy only what the host asks for", () => {
    const loadExistingGrant = async () => undefined;
    expect(merged({ loadExistingGrant }).loadExistingGrant).toBe(loadExistingGrant);
    expect(merged({}).loadExistingGrant).toBeTypeOf("function");
    const after = merged(
      {},
      {
        policy: (policy) => {
          policy.remove("create");
          return policy;
        },
      },
    );
    expect(after.interactions?.policy?.map(({ name }) => name)).toEqual(["login", "consent"]);
  });

  const conflicts: [string, Configuration, RegExp][] = [
    [
      "an interaction address",
      { interactions: { url: () => "/login" } },
      /interactions\.url.*\/interaction\/:uid.*remove it/,
    ],
    [
      "an interaction policy",
      { interactions: { policy: [] as never } },
      /interactions\.policy.*passkeys\(\{ policy/,
    ],
    ["a findAccount", { findAccount: async () => undefined }, /findAccount.*accounts\.find/],
    [
      "the pages for development",
      { features: { devInteractions: { enabled: true } } },
      /devInteractions.*remove it/,
    ],
    [
      "prompts without ours",
      { discovery: { prompt_values_supported: ["none"] } },
      /prompt_values_supported.*login, consent, create/,
    ],
  ];
  it.each(conflicts)("refuses %s: both sides and the remedy are named", (_what, host, words) => {
    expect(() => merged(host)).toThrow(TypeError);
    expect(() => merged(host)).toThrow(words);
  });

  it("takes its secret from the cookie keys and says so, or from the option", () => {
    const said: string[] = [];
    const info = (_fields: object, message: string) => void said.push(message);
    const log = { debug() {}, info, warn() {}, error() {} };
    merged({}, { log });
    expect(said).toEqual([expect.stringContaining("derives one from cookies.keys")]);
    merged({}, { log, secret: "a secret of at least thirty-two bytes" });
    expect(said).toHaveLength(1);
    expect(() => merged({ cookies: {} })).toThrow(/neither a secret.*set cookies\.keys/);
    expect(() => merged({}, { secret: "short" })).toThrow(/32 bytes/);
  });

  it("takes every setting of passwords and limits that its type has", () => {
    const passwords = { mode: "require-after", requireAfter: "2027-01-31", removal: "strict" } as const;
    const guesses = { perAccount: "5/15m", perAddress: "20/1h" };
    const limits = { guesses, ceremonies: "600/1m", signUps: "600/1m" };
    const all: Required<NonNullable<PasskeysOptions["passwords"]>> = passwords;
    expect(() => merged({}, { passwords: all, limits })).not.toThrow();
  });

  const wrong: [string, Partial<PasskeysOptions>, RegExp][] = [
    ["an issuer that is no URL", { issuer: "id.example.com" }, /no URL/],
    ["http", { issuer: "http://id.example.com" }, /https issuers and http:\/\/localhost/],
    ["an IP address", { issuer: "https://192.0.2.1" }, /domain/],
    ["a foreign RP ID", { rpId: "example.org" }, /rpId example\.org/],
    ["no accounts", { accounts: {} as never }, /accounts\.find is missing/],
    [
      "verifyPassword alone",
      { accounts: { ...accounts, verifyPassword: () => true } as never },
      /findByLogin is missing/,
    ],
    [
      "an address in the place of a store",
      { store: "redis://localhost" as never },
      /redisStore\(client\).* or lmdbStore\(path\)/,
    ],
    ["half a proxy", { trustProxy: 0.5 }, /number of proxies/],
    ["a rate that is none", { limits: { ceremonies: "many" } }, /limits\.ceremonies/],
    ["a mode that is none", { passwords: { mode: "soon" as never } }, /passwords\.mode/],
    [
      "an option that there is not",
      { passwordless: true } as never,
      /no option passwordless; there are issuer/,
    ],
    ["a limit that there is not", { limits: { signups: "1/1h" } as never }, /no option limits\.signups/],
    [
      "a setting that there is not",
      { passwords: { confirm: "email" } as never },
      /no option passwords\.confirm/,
    ],
    ["a short secret", { secret: "short" }, /secret is shorter than 32 bytes/],
    ["no secret among several", { secret: [] }, /secret is empty/],
    ["an origin with a path", { origins: ["https://app.example.com/"] }, /origins has .*write each like/],
    [
      "a folder that is not there",
      { views: "/nowhere/at/all" },
      /views is \/nowhere\/at\/all, and no folder/,
    ],
    ["a half logger", { log: { info() {} } as never }, /log has no debug\(\)/],
    ["a listener that is none", { onEvent: {} as never }, /onEvent is no function/],
    ["a channel that is none", { notify: "mail" as never }, /notify is no function/],
    ["a rule that is none", { firstParty: true as never }, /firstParty is no function/],
    [
      "a create that is none",
      { accounts: { ...accounts, create: true } as never },
      /accounts\.create is no function/,
    ],
    ["a client in the place of a store", { store: { get() {} } as never }, /use redisStore\(client\)/],
    ["a query in the issuer", { issuer: "https://id.example.com/?a=b" }, /query or a fragment/],
  ];
  it.each(wrong)("passkeys() refuses %s", (_what, options, words) => {
    expect(() => keysWith(options)).toThrow(words);
    expect(() => keysWith(options)).toThrow(TypeError);
  });

  it("so do its methods, and redisStore()", async () => {
    await expect(keysWith().forget(undefined as never)).rejects.toThrow(
      /TypeError|keys\.forget\(\): accountId is none/,
    );
    expect(() => keysWith().adapter({} as never)).toThrow(/keys\.adapter\(\): give it the class/);
    expect(() => redisStore("redis://localhost" as never)).toThrow(
      /redisStore\(\): client is none of ioredis/,
    );
    expect(() => redisStore(undefined as never)).toThrow(TypeError);
    expect(() => passkeys(undefined as never)).toThrow(/\{ issuer, accounts, store \}/);
  });
});
