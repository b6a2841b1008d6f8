/** What an app may demand of a sign-in, and that it gets no less. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import type { Browser } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { stores } from "../support/stores.ts";

const UNMET = "unmet_authentication_requirements";
const essential = (...values: string[]) => JSON.stringify({ id_token: { acr: { essential: true, values } } });

describe.each(stores)("assurance over $name", (kind) => {
  let running: Running;
  let jane: Browser;
  let app: RelyingParty;

  beforeAll(async () => {
    running = await startInstallation(kind);
    app = await running.app();
    jane = running.browser();
    await app.signUp(jane, { email: "jane@example.com" });
  });
  afterAll(() => running.stop());

  it("is advertised", () => {
    expect(app.as.acr_values_supported).toEqual(["phr", "phrh", "urn:latchkey:acr:password"]);
    expect(app.as.claims_supported).toEqual(expect.arrayContaining(["acr", "amr", "auth_time"]));
    expect(app.as.claims_parameter_supported).toBe(true);
  });

  it.each([
    ["acr_values=phr", { acr_values: "phr" }],
    ["several acr_values of which one fits", { acr_values: "phrh phr" }],
    ["acr_values that nobody knows", { acr_values: "urn:mace:incommon:iap:silver" }],
    ["an essential acr of phr", { claims: essential("phr") }],
    ["an essential acr with a value that fits", { claims: essential("phrh", "phr") }],
  ])(
    "a session that meets it passes without a ceremony: %s",
    async (_title, parameters: Record<string, string>) => {
      const { idToken } = await app.signIn(jane, { ...parameters, prompt: "none" });
      expect(idToken.acr).toBe("phr");
    },
  );

  it.each([
    ["acr_values=phrh", { acr_values: "phrh" }],
    ["an essential acr of phrh", { claims: essential("phrh") }],
    [
      "an essential acr of phrh that acr_values tries to switch off",
      { claims: essential("phrh"), acr_values: "phr" },
    ],
  ])(
    "one fresh ceremony, then the truth, never a loop: %s",
    async (_title, parameters: Record<string, string>) => {
      const silent = await app.request({ ...parameters, prompt: "none" });
      expect(app.error(silent, await jane.open(silent.url))).toBe(UNMET);
      const request = await app.request(parameters);
      const page = await jane.open(request.url);
      expect(page.status).toBe(200);
      expect(app.error(request, await jane.complete(page))).toBe(UNMET);
    },
  );

  it.each([
    ["an essential acr that nobody knows", { claims: essential("urn:example:gold") }],
    [
      "an essential acr by a single value",
      { claims: JSON.stringify({ id_token: { acr: { essential: true, value: "gold" } } }) },
    ],
  ])(
    "what no sign-in could give is refused at once: %s",
    async (_title, parameters: Record<string, string>) => {
      const request = await app.request(parameters);
      expect(app.error(request, await jane.open(request.url))).toBe(UNMET);
    },
  );

  it("a step-up to max_age=0 with acr claims gives a fresh token that says so", async () => {
    const request = await app.request({ claims: essential("phr"), max_age: "0" });
    const page = await jane.open(request.url);
    expect(page.status).toBe(200);
    const { idToken } = await app.tokens(request, await jane.complete(page), { maxAge: 0 });
    expect(idToken).toMatchObject({ acr: "phr", amr: ["pop", "swk", "user", "mfa"] });
  });

  it("a device-bound passkey without attestation is phr, and claims no hardware", async () => {
    const { SoftwareAuthenticator } = await import("../../src/testing.ts");
    const bound = running.browser(new SoftwareAuthenticator({ backupEligible: false }));
    const { idToken } = await app.signUp(bound, { email: "bound@example.com" });
    expect(idToken).toMatchObject({ acr: "phr", amr: ["pop", "user", "mfa"] });
  });

  it("claims that are no JSON are refused", async () => {
    const request = await app.request({ claims: "{" });
    expect(app.error(request, await jane.open(request.url))).toBe("invalid_request");
  });

  it("a sub that is demanded is the one who signs in, or nobody", async () => {
    const other = await app.signUp(running.browser(), { email: "other@example.com" });
    const claims = JSON.stringify({ id_token: { sub: { essential: true, value: other.idToken.sub } } });
    const request = await app.request({ claims });
    const page = await jane.open(request.url);
    expect(page.status).toBe(200);
    expect(app.error(request, await jane.complete(page))).toBe("login_required");
  });
});
