import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Folder, folder, SECRET } from "./folder.ts";

let here: Folder;
beforeEach(() => {
  here = folder();
});
afterEach(() => here.remove());

const production = { LATCHKEY_ISSUER: "https://id.example.com", LATCHKEY_SECRET: SECRET };
const REDIS = "redis://127.0.0.1:6379/0";

describe("the issuer", () => {
  test.each([
    "https://id.example.com",
    "https://id.example.com:8443",
    "https://intranet",
    "http://localhost",
    "http://localhost:8080",
    "https://localhost:8443",
  ])("%s is accepted", (issuer) => {
    expect(here.problems({ LATCHKEY_ISSUER: issuer, LATCHKEY_SECRET: SECRET })).toEqual([]);
  });

  test.each([
    ["https://10.0.0.1", "IP address"],
    ["https://0x7f.1", "IP address"],
    ["https://2130706433", "IP address"],
    ["https://[::1]:3000", "IP address"],
    ["http://127.0.0.1:3000", "IP address"],
    ["https://id.example.com/tenant", "path"],
    ["https://id.example.com?x=1", "query"],
    ["https://id.example.com/?", "query"],
    ["https://id.example.com#x", "fragment"],
    ["https://id.example.com/", "exact origin"],
    ["https://id.example.com:443", "exact origin"],
    ["https://ID.example.com", "exact origin"],
    ["https://bücher.example", "https://xn--bcher-kva.example"],
    ["https://id.example.com.", "dot"],
    ["https://*.example.com", "letters"],
    ["https://user@id.example.com", "user"],
    ["https://user:hunter2@id.example.com", "password"],
    ["http://id.example.com", "localhost"],
    ["http://localhost.example.com", "localhost"],
    ["http://localhost@example.com", "user"],
    ["ftp://id.example.com", "https:"],
    ["id.example.com", "URL"],
    ["javascript:alert(1)", "https:"],
  ])("%s is refused", (issuer, reason) => {
    const problems = here.problems({ LATCHKEY_ISSUER: issuer, LATCHKEY_SECRET: SECRET });
    expect(problems).toEqual([expect.stringMatching(/^issuer \(LATCHKEY_ISSUER\)/)]);
    expect(problems[0]).toContain(reason);
    expect(problems[0]).not.toContain("hunter2");
  });
});

describe("the RP ID", () => {
  test.each(["id.example.com", "example.com"])("%s fits the issuer", (rpId) => {
    expect(here.load({ ...production, LATCHKEY_RP_ID: rpId }).rpId).toBe(rpId);
  });

  test.each([
    "com",
    "d.example.com",
    "xample.com",
    "other.example.com",
    "evil.com",
    "Example.com",
    ".example.com",
    "https://example.com",
  ])("%s does not", (rpId) => {
    const problems = here.problems({ ...production, LATCHKEY_RP_ID: rpId });
    expect(problems).toEqual([expect.stringMatching(/^rpId \(LATCHKEY_RP_ID\)/)]);
  });
});

describe("further origins", () => {
  test.each(["https://app.example.com", "https://example.org:8443"])("%s is exact", (origin) => {
    expect(here.load({ ...production, LATCHKEY_ORIGINS: origin }).origins).toEqual([origin]);
  });

  test.each([
    "https://app.example.com/",
    "https://*.example.com",
    "http://app.example.com",
    "app.example.com",
    "null",
    "https://App.example.com",
    "https://u@app.example.com",
  ])("%s is not", (origin) => {
    expect(here.problems({ ...production, LATCHKEY_ORIGINS: `https://ok.example.com,${origin}` })).toEqual([
      expect.stringMatching(/^origins \(LATCHKEY_ORIGINS\): entry 2/),
    ]);
  });

  test("http://localhost is one beside a localhost issuer only", () => {
    expect(here.problems({ LATCHKEY_ORIGINS: "http://localhost:5173" })).toEqual([]);
    expect(here.problems({ ...production, LATCHKEY_ORIGINS: "http://localhost:5173" })).toHaveLength(1);
  });
});

describe("related origins", () => {
  const { LATCHKEY_ISSUER } = production;
  const five = ["a.com", "b.org", "c.co.uk", "d.de", "e.io"].map((site) => `https://www.${site}`);
  const problems = (...more: string[]) =>
    here.problems({ ...production, LATCHKEY_ORIGINS: [...five, ...more].join(",") });

  test("are of five sites at most, since browsers look at no others; the remedy is said", () => {
    expect(problems()).toEqual([]);
    expect(problems("https://sixth.example.net")).toEqual([
      expect.stringMatching(
        /^origins \(LATCHKEY_ORIGINS\): names 6 sites \(a, b, c, d, e, example\).*leave some out/,
      ),
    ]);
  });

  test("of one site count once, whatever its country; those within the RP ID count not at all", () => {
    expect(problems("https://other.c.co.uk", "https://c.com.au", "https://c.ch:8443")).toEqual([]);
    expect(problems(LATCHKEY_ISSUER, `https://below.${new URL(LATCHKEY_ISSUER).hostname}`)).toEqual([]);
  });
});

describe("the secret", () => {
  test("is required beside localhost", () => {
    expect(here.problems(production)).toEqual([]);
    expect(here.problems({ LATCHKEY_ISSUER: "https://id.example.com" })).toEqual([
      expect.stringMatching(/LATCHKEY_SECRET_FILE\): required.*openssl/),
    ]);
    expect(here.problems()).toEqual([]);
  });

  test("has at least 32 bytes, each of several", () => {
    expect(here.problems({ LATCHKEY_SECRET: "x".repeat(32) })).toEqual([]);
    expect(here.problems({ LATCHKEY_SECRET: "ü".repeat(16) })).toEqual([]);
    expect(here.problems({ LATCHKEY_SECRET: "x".repeat(31) })).toHaveLength(1);
    expect(here.problems({ LATCHKEY_SECRET: `${SECRET},` })).toHaveLength(1);
    expect(here.problems({ LATCHKEY_SECRET: `${SECRET},short` })).toHaveLength(1);
  });
});

describe("the store", () => {
  test.each([
    "lmdb:./data",
    "lmdb:/srv/with space",
    REDIS,
    "redis://localhost",
    "redis://[::1]:6379",
    "rediss://user:p%40ss@redis.example.com:6380/2",
    "redis+sentinel://a:26379,b:26379/main",
    "redis+sentinel://user:pass@a,b,c/main/3",
    "redis+cluster://a:7000,b:7001",
    "rediss+cluster://a:7000,b:7001?ca=/etc/ca.pem&servername=redis.example.com",
    "rediss://a?ca=/etc/ca.pem&cert=/etc/cert.pem&key=/etc/key.pem",
    "redis://a?prefix=acme:&replicas=2",
    "rediss+sentinel://a,b/main?sentinelUsername=s&sentinelPassword=p",
  ])("%s is an address", (store) => {
    expect(here.problems({ LATCHKEY_STORE: store })).toEqual([]);
  });

  test.each([
    "lmdb:",
    "lmdb",
    "./data",
    "mongodb://127.0.0.1",
    "redis:127.0.0.1",
    "redis://",
    "redis:///0",
    "redis://host:port",
    "redis://a,b",
    "redis://127.0.0.1/db",
    "redis+sentinel://a:26379,b:26379",
    "redis+sentinel://a,,b/main",
    "redis+cluster://a/1",
    "https://127.0.0.1",
    "redis://a?family=6",
    "redis://a?ca=/etc/ca.pem",
    "rediss://a?cert=/etc/cert.pem",
    "redis+other://a",
  ])("%s is none", (store) => {
    expect(here.problems({ LATCHKEY_STORE: store })).toEqual([
      expect.stringMatching(/^store \(LATCHKEY_STORE\)/),
    ]);
  });

  test("a replica can be asked of Redis alone, and is where there are some by default", () => {
    const durability = (store: string, LATCHKEY_DURABILITY?: string) =>
      here.load({ LATCHKEY_STORE: store, ...(LATCHKEY_DURABILITY ? { LATCHKEY_DURABILITY } : {}) })
        .durability;
    expect(durability(REDIS)).toBe("configured");
    expect(durability(REDIS, "replica")).toBe("replica");
    expect(durability("redis+cluster://a,b")).toBe("replica");
    expect(durability("rediss+sentinel://a,b/main")).toBe("replica");
    expect(durability("rediss+sentinel://a,b/main", "disk")).toBe("disk");
    expect(here.problems({ LATCHKEY_DURABILITY: "replica" })).toEqual([
      expect.stringMatching(/^durability \(LATCHKEY_DURABILITY\)/),
    ]);
  });

  test("several processes need Redis", () => {
    for (const workers of ["2", "auto"]) {
      expect(here.problems({ LATCHKEY_WORKERS: workers, LATCHKEY_STORE: REDIS })).toEqual([]);
      expect(here.problems({ LATCHKEY_WORKERS: workers })).toEqual([expect.stringMatching(/^workers/)]);
    }
    expect(here.problems({ LATCHKEY_WORKERS: "1" })).toEqual([]);
  });
});

describe("other rules", () => {
  test("the two listeners need two ports", () => {
    expect(here.problems({ LATCHKEY_ADMIN_PORT: "3001" })).toEqual([]);
    expect(here.problems({ LATCHKEY_ADMIN_PORT: "3000" })).toEqual([expect.stringMatching(/^adminPort/)]);
  });

  test.each(["0", "65536", "-1", "3000.5", "3e3", "0x10", "abc", " "])("%o is no port", (port) => {
    expect(here.problems({ LATCHKEY_PORT: port })).toHaveLength(1);
    expect(here.problems({ LATCHKEY_PORT: "65535" })).toEqual([]);
  });

  test("a folder of views must be there", () => {
    expect(here.load({ LATCHKEY_VIEWS: "." }).views).toBe(here.path);
    expect(here.problems({ LATCHKEY_VIEWS: "missing" })).toEqual([expect.stringMatching(/^views/)]);
  });

  test("mail needs a server, a sender, and serves recovery by e-mail", () => {
    const mail = { url: "smtps://mail.example.com", from: "Example <id@example.com>" };
    const recovery = { email: true };
    expect(here.problems({}, { mail, recovery })).toEqual([]);
    expect(here.problems({}, { recovery })).toEqual([expect.stringMatching(/^recovery\.email/)]);
    expect(here.problems({}, { mail: { url: mail.url } })).toEqual([expect.stringMatching(/^mail\.from/)]);
    expect(here.problems({}, { mail: { ...mail, url: "https://mail.example.com" } })).toHaveLength(1);
    expect(
      here.problems({}, { mail: { ...mail, from: "id@example.com\r\nBcc: all@example.com" } }),
    ).toHaveLength(1);
  });

  test("recovery codes are not asked for where they are shut, also in a group", () => {
    const strict = { removal: "strict" };
    const shut = { codes: false };
    expect(here.problems({}, { passwords: strict })).toEqual([]);
    expect(here.problems({}, { recovery: shut })).toEqual([]);
    expect(here.problems({}, { passwords: strict, recovery: shut })).toEqual([
      expect.stringMatching(/^passwords\.removal/),
    ]);
    expect(here.problems({}, { recovery: shut, groups: { staff: { passwords: strict } } })).toEqual([
      expect.stringMatching(/^groups\.staff\.passwords\.removal/),
    ]);
    const mild = { passwords: { removal: "synced" }, recovery: shut };
    expect(here.problems({}, { passwords: strict, groups: { guests: mild } })).toEqual([]);
  });

  test("a date is needed to require something after it, also in a group", () => {
    const passwords = { mode: "require-after", requireAfter: "2027-01-31" };
    const { requireAfter: _, ...undated } = passwords;
    expect(here.problems({}, { passwords })).toEqual([]);
    expect(here.problems({}, { passwords: undated })).toEqual([
      expect.stringMatching(/^passwords\.requireAfter/),
    ]);
    expect(here.problems({}, { groups: { staff: { passwords: undated } } })).toEqual([
      expect.stringMatching(/^groups\.staff\.passwords\.requireAfter/),
    ]);
    expect(here.problems({}, { passwords: { ...passwords, requireAfter: "2027-02-30" } })).not.toEqual([]);
  });

  test.each([
    [{ recovery: { delay: "0" } }, 0],
    [{ recovery: { delay: "90s" } }, 0],
    [{ recovery: { delay: "1w" } }, 1],
    [{ recovery: { delay: 5 } }, 1],
    [{ recovery: { delay: "999999999d" } }, 1],
    [{ limits: { ceremonies: "10/1s" } }, 0],
    [{ limits: { ceremonies: "0/1s" } }, 1],
    [{ limits: { ceremonies: "10/0s" } }, 1],
    [{ limits: { ceremonies: "10" } }, 1],
    [{ groups: { "": {} } }, 1],
    [{ groups: { staff: { limits: {} } } }, 1],
    [{ groups: { staff: { passwords: { maxCost: { memory: 32 } } } } }, 0],
  ])("%j has %i problems", (overrides, count) => {
    expect(here.problems({}, overrides)).toHaveLength(count);
  });
});
