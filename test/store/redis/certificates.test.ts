/** What the doctor says of certificates: of Redis, of ours, and of the authority that signed them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import {
  attestationAuthority,
  type Certificate,
  serverCertificate,
  toPem,
} from "../../../src/testing/certificate.ts";
import { type Operator, operator } from "../../command/operator.ts";
import { SECRET } from "../../support/installation.ts";
import { type RedisServer, startServer, withoutRedis } from "../../support/redis.ts";

const DAY = 86_400_000;
const NAME = "redis.example.com";
const YEAR = 365.5;

/** In how many days each of them ends. */
interface Ends {
  server?: number;
  client?: number;
  authority?: number;
}

type Check = { name: string; ok: boolean; level: string; message: string; remedy: string | null };

describe.skipIf(withoutRedis)("the doctor, of certificates", () => {
  let folder: string;
  let server: RedisServer;
  let admin: Operator;
  afterEach(async () => {
    admin.remove();
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  function written(name: string, text: string): string {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  }

  function pair(name: string, { der, privateKey }: Certificate): [certificate: string, key: string] {
    const key = String(privateKey.export({ type: "pkcs8", format: "pem" }));
    return [written(`${name}.pem`, toPem(der)), written(`${name}.key`, key)];
  }

  /** A Redis that asks for a certificate of its clients, and an operator whose settings lead to it. */
  async function start(ends: Ends) {
    folder = mkdtempSync(join(tmpdir(), "latchkey-dates-"));
    const lasting = (days = YEAR) => ({
      from: new Date("2020-01-01T00:00:00Z"),
      until: new Date(Date.now() + days * DAY),
    });
    const authority = attestationAuthority(lasting(ends.authority));
    const [ca] = pair("ca", authority);
    const [cert, key] = pair("server", serverCertificate(authority, NAME, lasting(ends.server)));
    const ours = pair("client", serverCertificate(authority, "client", lasting(ends.client)));
    server = await startServer((port, dir) => [
      ...["--port", "0", "--tls-port", String(port), "--dir", dir, "--appendonly", "yes"],
      ...["--appendfsync", "always", "--tls-ca-cert-file", ca],
      ...["--tls-cert-file", cert, "--tls-key-file", key],
    ]);
    const query = new URLSearchParams({ ca, servername: NAME, cert: ours[0], key: ours[1] });
    const store = `rediss://127.0.0.1:${server.port}/0?${query}`;
    admin = operator({ LATCHKEY_STORE: store, LATCHKEY_SECRET: SECRET });
  }

  async function doctor() {
    const { code, json } = await admin.run("doctor", "--json");
    const { ok, checks } = json() as { ok: boolean; checks: Check[] };
    return { code, ok, dates: checks.filter(({ name }) => name === "redis certificate") };
  }

  test("that last it says how long; the exit code is 0", async () => {
    await start({});
    expect((await admin.run("setup")).code).toBe(0);
    const { code, ok, dates } = await doctor();
    expect({ code, ok }).toEqual({ code: 0, ok: true });
    expect(dates.map(({ ok: fine, message }) => `${fine} ${message}`)).toEqual([
      `true the certificate of Redis (127.0.0.1:${server.port}) ends in 365 days`,
      "true the certificate that we show to Redis ends in 365 days",
      "true the certificate of the authority ends in 365 days",
    ]);
  });

  test.each<[string, Ends, RegExp]>([
    ["of Redis", { server: 5.5 }, /of Redis \(127\.0\.0\.1:\d+\) ends in 5 days/],
    ["that we show", { client: 5.5 }, /that we show to Redis ends in 5 days/],
    ["of the authority", { authority: 5.5 }, /of the authority ends in 5 days/],
  ])("%s that ends soon it warns; the exit code is 0", async (_, ends, words) => {
    await start(ends);
    expect((await admin.run("setup")).code).toBe(0);
    const { code, ok, dates } = await doctor();
    expect({ code, ok }).toEqual({ code: 0, ok: true });
    const wrong = dates.filter((date) => !date.ok);
    expect(dates).toHaveLength(3);
    expect(wrong).toEqual([
      expect.objectContaining({
        level: "warning",
        message: expect.stringMatching(words),
        remedy: "Renew it.",
      }),
    ]);
  });

  test.each<[string, Ends, RegExp]>([
    ["of Redis", { server: -1.5 }, /of Redis \(127\.0\.0\.1:\d+\) ended on/],
    ["that we show", { client: -1.5 }, /that we show to Redis ended on/],
    ["of the authority", { authority: -1.5 }, /of the authority ended on/],
  ])(
    "F20 %s that has ended it says so, because nothing connects; the exit code is 1",
    async (_, ends, words) => {
      await start(ends);
      const served = await admin.run("serve");
      expect(served.code).toBe(1);
      const { code, ok, dates } = await doctor();
      expect({ code, ok }).toEqual({ code: 1, ok: false });
      expect(dates).toEqual([
        expect.objectContaining({ ok: false, level: "error", message: expect.stringMatching(words) }),
      ]);
    },
  );
});
