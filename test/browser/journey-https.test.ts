/** The same under a name with TLS, behind a proxy that ends it, as it runs for others than its maker. */
import { createHash, createPublicKey } from "node:crypto";
import { request as forward } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attestationAuthority, toPem } from "../../src/testing/certificate.ts";
import { browserSkipped, launchChromium } from "../support/chromium.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { freePort } from "../support/redis.ts";
import { stores } from "../support/stores.ts";
import { buildProgram, visit } from "./visit.ts";

const ISSUER = "https://login.example.test";
/** Another site of the same people, and one of nobody we know. */
const RELATED = "https://shop.example.org";
const FOREIGN = "https://shop.example.net";
const APP = "https://app.example.test";
const certificate = attestationAuthority();

describe.skipIf(browserSkipped)("under a name with TLS", () => {
  let browser: Browser;
  let proxy: Server;
  let upstream: number;

  beforeAll(async () => {
    buildProgram();
    proxy = await startProxy(() => upstream);
    const { port } = proxy.address() as AddressInfo;
    browser = await launchChromium({
      args: [
        `--host-resolver-rules=MAP login.example.test:443 127.0.0.1:${port}`,
        `--ignore-certificate-errors-spki-list=${keyDigest()}`,
      ],
    });
  });
  afterAll(async () => {
    await browser?.close();
    proxy?.closeAllConnections();
    proxy?.close();
  });

  describe.each(stores)("over $name", (kind) => {
    let running: Running;

    beforeAll(async () => {
      upstream = await freePort();
      const settings = { issuer: ISSUER, port: upstream, trustProxy: 1, signUp: "open", origins: [RELATED] };
      running = await startInstallation(kind, settings);
    });
    afterAll(() => running?.stop());

    it("leads from the setup link to the account, and into an app, with cookies that no other host can set", async () => {
      const owner = await visit(browser);
      const { page, open } = owner;
      const { url } = await running.setup.issue();
      expect(new URL(url).origin).toBe(ISSUER);
      await open(url);
      await page.getByRole("textbox", { name: "Email" }).fill("olga@example.com");
      await page.getByRole("button", { name: "Create a passkey" }).click();
      await page.getByRole("heading", { name: "Passkeys" }).waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("heading", { name: "You are signed out" }).waitFor();

      const code = await signIn(page, open, running);
      expect(code.get("iss")).toBe(ISSUER);
      expect(code.get("code")).toMatch(/^[\w-]{20,}$/);
      await open(`${ISSUER}/account`);
      await page.getByRole("heading", { name: "Passkeys" }).waitFor();
      const cookies = await page.context().cookies();
      expect(cookies.map(({ name }) => name)).toContain("__Host-latchkey");
      for (const { name, secure, httpOnly, domain } of cookies) {
        expect({ name, secure, httpOnly, domain }).toEqual({
          name: expect.stringMatching(/^__(Host|Secure)-latchkey/),
          secure: true,
          httpOnly: true,
          domain: "login.example.test",
        });
      }
      await owner.end();
    });

    it("SEC-11 takes an answer that was given on a related origin; on any other one the browser gives none", async () => {
      const { page, open, authenticator, end } = await visit(browser);
      for (const origin of [RELATED, FOREIGN]) {
        await page.route(`${origin}/**`, (route) =>
          route.fulfill({ contentType: "text/html", body: "<link rel=icon href='data:,'><h1>Shop</h1>" }),
        );
      }
      await open(`${ISSUER}/sign-up`);
      await page.getByRole("textbox", { name: "Email" }).fill(`kim.${kind.name}@example.com`);
      await page.getByRole("button", { name: "Create a passkey" }).click();
      await page.getByRole("heading", { name: "Passkeys" }).waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("heading", { name: "You are signed out" }).waitFor();

      await authenticator.setPresence(false);
      await open(`${ISSUER}/sign-in`);
      const form = page.locator("form[data-ceremony]");
      const options = (await form.getAttribute("data-options")) ?? "";
      const action = await form.getAttribute("data-action");
      expect(await borrow(page, FOREIGN, options)).toBe("SecurityError");
      // Only now: on the sign-in page the ceremony of the autofill would have been answered, and its challenge used up.
      await authenticator.setPresence(true);
      const response = await borrow(page, RELATED, options);
      expect(response).toMatchObject({ type: "public-key" });
      await open(`${ISSUER}/about/passkeys`);
      const answer = await page.evaluate(
        async ([address = "", body = ""]) => {
          const headers = { "content-type": "application/json" };
          return (await fetch(address, { method: "POST", headers, body })).json();
        },
        [action ?? "", JSON.stringify({ response })],
      );
      expect(answer).toEqual({ location: "/account" });
      await open(`${ISSUER}/account`);
      await page.getByText(`kim.${kind.name}@example.com`).first().waitFor();
      await end();
    });
  });

  /** What a script of a page there gets for the passkey of this page's options. */
  async function borrow(page: Page, origin: string, options: string): Promise<unknown> {
    await page.goto(origin);
    return page.evaluate(async (json) => {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(json));
      try {
        return ((await navigator.credentials.get({ publicKey })) as PublicKeyCredential).toJSON();
      } catch (error) {
        return (error as Error).name;
      }
    }, options);
  }

  function startProxy(target: () => number): Promise<Server> {
    const key = certificate.privateKey.export({ type: "pkcs8", format: "pem" });
    const server = createServer({ key, cert: toPem(certificate.der) }, (incoming, outgoing) => {
      const headers = { ...incoming.headers, "x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https" };
      const { method, url: path } = incoming;
      const sent = forward({ host: "127.0.0.1", port: target(), method, path, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      sent.on("error", () => outgoing.destroy());
      incoming.pipe(sent);
    });
    return new Promise((listening) => server.listen(0, "127.0.0.1", () => listening(server)));
  }
});

/** What the browser shall trust: the SHA-256 of our public key. */
function keyDigest(): string {
  const spki = createPublicKey(certificate.privateKey).export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("base64");
}

/** Goes through an app's request and gives what the browser brought back to the app. */
async function signIn(
  page: Page,
  open: (address: string) => Promise<void>,
  running: Running,
): Promise<URLSearchParams> {
  const { client } = await running.installation.clients.add({
    name: "Wiki",
    redirectUris: [`${APP}/cb`],
  });
  await page.route(`${APP}/**`, (route) =>
    route.fulfill({ contentType: "text/html", body: "<h1>Wiki</h1>" }),
  );
  const query = new URLSearchParams({
    client_id: client.id,
    redirect_uri: `${APP}/cb`,
    response_type: "code",
    scope: "openid",
    state: "s",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
  });
  await open(`${ISSUER}/auth?${query}`);
  await page.getByRole("button", { name: "Allow" }).click();
  await page.getByRole("heading", { name: "Wiki" }).waitFor();
  return new URL(page.url()).searchParams;
}
