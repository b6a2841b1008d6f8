import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { storeProblem } from "../../../src/config/store-address.ts";
import { parseRedisAddress } from "../../../src/store/redis/address.ts";
import { slotOf } from "../../../src/store/redis/slot.ts";
import { everythingIn } from "../../support/errors.ts";

const folder = mkdtempSync(join(tmpdir(), "latchkey-pem-"));
const pem = (name: string) => {
  writeFileSync(join(folder, name), name);
  return join(folder, name);
};
afterAll(() => rmSync(folder, { recursive: true }));

const host = (name: string, port = 6379) => ({ host: name, port });

describe("the address of a Redis", () => {
  const tls = `ca=${pem("ca")}&cert=${pem("cert")}&key=${pem("key")}&servername=redis.example.com`;
  const right: [url: string, address: object][] = [
    ["redis://a", { topology: "single", hosts: [host("a")], db: 0 }],
    ["redis://[::1]:7000/3", { topology: "single", hosts: [host("::1", 7000)], db: 3 }],
    [
      "redis://u:p%40%2Fss@a",
      { topology: "single", hosts: [host("a")], db: 0, username: "u", password: "p@/ss" },
    ],
    ["redis://:p:q@a", { topology: "single", hosts: [host("a")], db: 0, password: "p:q" }],
    [
      "redis://a?prefix=acme:&replicas=2",
      { topology: "single", hosts: [host("a")], db: 0, prefix: "acme:", replicas: 2 },
    ],
    [
      "redis+sentinel://a,b:7000/main/2",
      { topology: "sentinel", hosts: [host("a", 26_379), host("b", 7000)], master: "main", db: 2 },
    ],
    ["redis+cluster://a:7000,b", { topology: "cluster", hosts: [host("a", 7000), host("b")], db: 0 }],
    ["rediss://a", { topology: "single", hosts: [host("a")], db: 0, tls: {} }],
    [
      `rediss+cluster://a?${tls}`,
      {
        topology: "cluster",
        hosts: [host("a")],
        db: 0,
        tls: { ca: "ca", cert: "cert", key: "key", servername: "redis.example.com" },
      },
    ],
    [
      "redis+sentinel://u:p@a/main?sentinelUsername=s&sentinelPassword=q",
      {
        topology: "sentinel",
        hosts: [host("a", 26_379)],
        master: "main",
        db: 0,
        username: "u",
        password: "p",
        sentinelUsername: "s",
        sentinelPassword: "q",
      },
    ],
  ];

  test.each(right)("%s is understood, and accepted as a setting", (url, address) => {
    expect(parseRedisAddress(url)).toEqual(address);
    expect(storeProblem(url)).toBeUndefined();
  });

  test.each([
    "redis://u:geheim@",
    "redis://u:geheim@a,b",
    "redis://u:geheim@a/db",
    "redis://u:geheim@a?family=6",
    "redis://u:geheim@a?ca=/etc/ca.pem",
    "rediss://u:geheim@a?cert=/etc/cert.pem",
    "redis+sentinel://u:geheim@a,b",
    "redis+cluster://u:geheim@a/1",
    "redis+other://u:geheim@a",
  ])("%s is refused by both, without the password", (url) => {
    const error = refused(url);
    expect(error).toMatchObject({ code: "store_refused" });
    expect(everythingIn(error)).not.toContain("geheim");
    expect(storeProblem(url)).toBeDefined();
  });

  test("a certificate that is not there is named with its path", () => {
    expect(refused(`rediss://a?ca=${folder}/none.pem`)).toMatchObject({
      code: "store_refused",
      detail: expect.stringContaining(`${folder}/none.pem`),
    });
  });
});

function refused(url: string): unknown {
  try {
    return parseRedisAddress(url);
  } catch (error) {
    return error;
  }
}

test.each([
  ["123456789", 0x31c3],
  ["foo", 12_182],
  ["{user1000}.following", 3443],
  ["{user1000}.followers", 3443],
  ["foo{}{bar}", 8363],
  ["foo{{bar}}zap", 4015],
  ["clé 🔑", 2677],
])("the slot of %s is %i", (key, slot) => {
  expect(slotOf(key)).toBe(slot);
});
