/** Requests in somebody else's name, or with two readings: other hosts, and framing that proxies disagree about. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { exchange, statusOf } from "../support/raw.ts";
import { type StoreKind, stores } from "../support/stores.ts";

describe("requests in another's name", () => {
  let running: Running;
  let host: string;

  beforeAll(async () => {
    running = await startInstallation(stores[0] as StoreKind);
    host = new URL(running.issuer).host;
  });
  afterAll(() => running.stop());

  const send = (lines: string[], body = "") =>
    exchange(running.issuer, `${lines.join("\r\n")}\r\n\r\n${body}`);
  const get = (path: string, ...headers: string[]) =>
    send([`GET ${path} HTTP/1.1`, ...headers, "connection: close"]);
  const configuration = "/.well-known/openid-configuration";

  describe("SEC-127 hosts", () => {
    it.each([
      ["a foreign one", ["Host: evil.test"]],
      ["the right name at another port", ["Host: localhost:1"]],
      ["a dot at the end", ["Host: localhost.:{port}"]],
      ["user info", ["Host: evil@{host}"]],
      ["none", ["Host:"]],
      ["two", ["Host: {host}", "Host: evil.test"]],
      ["an address", ["Host: 127.0.0.1:{port}", "accept: application/json"]],
    ])("%s is refused", async (_title, headers) => {
      const { port } = new URL(running.issuer);
      const filled = headers.map((line) => line.replace("{host}", host).replace("{port}", port));
      const answer = await get(configuration, ...filled);
      expect([400, 421]).toContain(statusOf(answer));
      expect(answer).not.toContain("token_endpoint");
    });

    it("the issuer's own is served, and what proxies are said to have said changes nothing", async () => {
      const forwarded = [
        "x-forwarded-host: evil.test",
        "x-forwarded-proto: ftp",
        "x-forwarded-port: 1",
        "forwarded: host=evil.test",
      ];
      const answer = await get(configuration, `Host: ${host}`, ...forwarded);
      expect(statusOf(answer)).toBe(200);
      expect(answer).toContain(`"token_endpoint":"${running.issuer}/token"`);
      expect(answer).not.toMatch(/evil|ftp/);
    });

    it("a request in absolute form is refused, whatever it names", async () => {
      const answer = await get(`http://evil.test${configuration}`, `Host: ${host}`);
      expect(statusOf(answer)).toBe(421);
    });

    it("a page that is asked for by address leads to the issuer, with its path and query, and nowhere else", async () => {
      const address = `Host: 127.0.0.1:${new URL(running.issuer).port}`;
      const answer = await get("/account?x=1", address, "accept: text/html");
      expect(statusOf(answer)).toBe(302);
      expect(answer).toMatch(new RegExp(`^location: ${running.issuer}/account\\?x=1\r$`, "im"));
      const doubled = await get("//evil.test/x", address, "accept: text/html");
      expect(doubled).not.toMatch(/^location: (?!http:\/\/localhost:)/im);
      expect(doubled).not.toMatch(/^location: [^\r]*\/\/evil/im);
    });

    it("probes are answered on any host", async () => {
      for (const path of ["/livez", "/readyz"]) expect(statusOf(await get(path, "Host: 10.0.0.1"))).toBe(200);
    });
  });

  describe("SEC-126 framing", () => {
    it.each([
      ["a length and an encoding", ["content-length: 4", "transfer-encoding: chunked"]],
      ["two lengths", ["content-length: 4", "content-length: 5"]],
      ["an unknown encoding", ["transfer-encoding: xchunked"]],
      ["a folded header", ["x-folded: a", " b"]],
      ["a space before the colon", ["content-length : 4"]],
      ["a negative length", ["content-length: -1"]],
    ])("%s is refused and the connection closed", async (_title, headers) => {
      const answer = await send(
        ["POST /token HTTP/1.1", `Host: ${host}`, ...headers],
        "0\r\n\r\nGET /livez HTTP/1.1\r\n\r\n",
      );
      expect(statusOf(answer)).toBe(400);
      expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    });

    it("no version, too many or too large headers are refused", async () => {
      expect([400, 421]).toContain(statusOf(await exchange(running.issuer, "GET /sign-in\r\n\r\n")));
      const large = await get("/livez", `Host: ${host}`, `x-large: ${"x".repeat(17 * 1024)}`);
      expect(statusOf(large)).toBe(431);
      const many = Array.from({ length: 300 }, (_, n) => `x-${n}: 1`);
      expect([200, 400, 431]).toContain(statusOf(await get("/livez", `Host: ${host}`, ...many)));
    });
  });
});
