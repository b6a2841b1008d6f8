/** Behind TLS: what a public issuer says to browsers. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { exchange } from "../support/raw.ts";
import { type StoreKind, stores } from "../support/stores.ts";

describe("SEC-78 behind TLS", () => {
  let running: Running;
  beforeAll(async () => {
    running = await startInstallation(stores[0] as StoreKind, {
      issuer: "https://id.example.com",
      signUp: "open",
    });
  });
  afterAll(() => running.stop());

  it("cookies are bound to the host and to TLS, and the browser is told to stay there", async () => {
    const { client } = await running.installation.clients.add({
      name: "App",
      redirectUris: ["https://app.example.com/cb"],
      firstParty: true,
    });
    const query = new URLSearchParams({
      client_id: client.id,
      redirect_uri: "https://app.example.com/cb",
      response_type: "code",
      scope: "openid",
      code_challenge: "x".repeat(43),
      code_challenge_method: "S256",
    });
    const get = (path: string) =>
      exchange(
        `http://localhost:${running.port}`,
        `GET ${path} HTTP/1.1\r\nHost: id.example.com\r\naccept: text/html\r\nconnection: close\r\n\r\n`,
      );
    const answers = [await get(`/auth?${query}`), await get("/sign-in")].join("");
    const cookies = [...answers.matchAll(/^set-cookie: ([^\r]+)/gim)].map(([, cookie]) => cookie as string);
    expect(cookies.length).toBeGreaterThanOrEqual(3);
    for (const cookie of cookies) {
      expect(cookie).toMatch(/^__(Host|Secure)-/);
      expect(cookie).toMatch(/; secure/i);
      expect(cookie).toMatch(/; httponly/i);
      expect(cookie).toMatch(/; samesite=(lax|strict)/i);
      expect(cookie).not.toMatch(/; domain/i);
      if (cookie.startsWith("__Host-")) expect(cookie).toMatch(/; path=\/;/i);
    }
    expect(answers).toMatch(/strict-transport-security: max-age=\d{8}/i);
    expect(answers).not.toContain("http://");
  });
});
