/** Redis over TLS: an authority of one's own, the name of the server, a certificate of the client. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectRedis } from "../../../src/store/redis/open.ts";
import {
  attestationAuthority,
  type Certificate,
  serverCertificate,
  toPem,
} from "../../../src/testing/certificate.ts";
import { everythingIn } from "../../support/errors.ts";
import { type RedisServer, startServer, withoutRedis } from "../../support/redis.ts";

const NAME = "redis.example.com";

describe.skipIf(withoutRedis)("Redis over TLS", () => {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-tls-"));
  const authority = attestationAuthority();
  const files = { ca: pem("ca", authority), ...pair("server", NAME), ...pair("client", "client") };
  let server: RedisServer;

  function pem(name: string, { der }: Certificate): string {
    return written(`${name}.pem`, toPem(der));
  }

  function pair<N extends string>(name: N, host: string) {
    const made = serverCertificate(authority, host);
    const key = written(`${name}.key`, String(made.privateKey.export({ type: "pkcs8", format: "pem" })));
    return { [name]: pem(name, made), [`${name}Key`]: key } as Record<N | `${N}Key`, string>;
  }

  function written(name: string, text: string): string {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  }

  beforeAll(async () => {
    server = await startServer((port, dir) => [
      ...["--port", "0", "--tls-port", String(port), "--dir", dir, "--appendonly", "yes"],
      ...["--appendfsync", "always", "--tls-ca-cert-file", files.ca],
      ...["--tls-cert-file", files.server, "--tls-key-file", files.serverKey],
    ]);
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  const url = (parameters: Record<string, string>) =>
    `rediss://127.0.0.1:${server.port}/0?${new URLSearchParams(parameters)}`;
  const right = { ca: files.ca, servername: NAME, cert: files.client, key: files.clientKey };

  test("is reached with the authority, the name and the client's certificate", async () => {
    const store = await connectRedis(url(right));
    expect(await store.commit("kind:a", 1, { expect: "absent", version: "v", durable: true })).toBe(true);
    expect(await store.read("kind:a")).toEqual({ value: 1, version: "v" });
    await store.close();
  });

  test.each([
    ["without the authority", { ...right, ca: "" }],
    ["under another name", { ...right, servername: "other.example.com" }],
    ["without the client's certificate", { ca: right.ca, servername: right.servername }],
  ])("is not reached %s, and the reason is said", async (_, parameters) => {
    const error = await connectRedis(url(parameters)).catch((refused: unknown) => refused);
    expect(error).toMatchObject({ code: "store_unavailable" });
    expect(everythingIn(error)).toMatch(/certificate|altnames|Connection is closed|ECONNRESET/i);
  });
});
