import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Browser } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { stores } from "../support/stores.ts";

describe.each(stores)("a sign-in over $name", (kind) => {
  let running: Running;
  let app: RelyingParty;
  let jane: Browser;

  beforeAll(async () => {
    running = await startInstallation(kind);
    app = await running.app();
    jane = running.browser();
  });
  afterAll(() => running.stop());

  it("creates an account with a passkey and gives the app true claims", async () => {
    const { idToken } = await app.signUp(jane, { name: "Jane Doe", email: "jane@example.com" });
    expect(idToken).toMatchObject({ acr: "phr", aud: app.client.client_id, iss: running.issuer });
    expect(idToken.amr).toEqual(expect.arrayContaining(["pop", "user", "mfa"]));
    expect(Buffer.from(idToken.sub, "base64url")).toHaveLength(32);
  });

  it("signs in again without a ceremony while the session lasts, and with one in a new browser", async () => {
    const first = await app.signIn(jane);
    const other = running.browser(jane.authenticator);
    const second = await app.signIn(other, { scope: "openid profile email" });
    expect(second.idToken.sub).toBe(first.idToken.sub);
    const userinfo = await app.userinfo(second.response.access_token);
    expect(await userinfo.json()).toMatchObject({
      sub: first.idToken.sub,
      name: "Jane Doe",
      preferred_username: "jane",
      email: "jane@example.com",
      email_verified: false,
    });
  });
});
