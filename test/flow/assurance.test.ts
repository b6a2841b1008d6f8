/** What an app may demand of a sign-in, and that it gets no less. */
import { describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { sceneWithJane } from "../support/scene.ts";
import { stores } from "../support/stores.ts";

const UNMET = "unmet_authentication_requirements";
const essential = (...values: string[]) => JSON.stringify({ id_token: { acr: { essential: true, values } } });

describe.each(stores)("assurance over $name", (kind) => {
  const here = sceneWithJane(kind);

  it("is advertised", () => {
    expect(here.app.as.acr_values_supported).toEqual(["phr", "phrh", "urn:latchkey:acr:password"]);
    expect(here.app.as.claims_supported).toEqual(expect.arrayContaining(["acr", "amr", "auth_time"]));
    expect(here.app.as.claims_parameter_supported).toBe(true);
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
      const { idToken } = await here.app.signIn(here.jane, { ...parameters, prompt: "none" });
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
      const silent = await here.app.request({ ...parameters, prompt: "none" });
      expect(here.app.error(silent, await here.jane.open(silent.url))).toBe(UNMET);
      const request = await here.app.request(parameters);
      const page = await here.jane.open(request.url);
      expect(page.status).toBe(200);
      expect(here.app.error(request, await here.jane.complete(page))).toBe(UNMET);
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
      const request = await here.app.request(parameters);
      expect(here.app.error(request, await here.jane.open(request.url))).toBe(UNMET);
    },
  );

  it("a step-up to max_age=0 with acr claims gives a fresh token that says so", async () => {
    const request = await here.app.request({ claims: essential("phr"), max_age: "0" });
    const page = await here.jane.open(request.url);
    expect(page.status).toBe(200);
    const { idToken } = await here.app.tokens(request, await here.jane.complete(page), { maxAge: 0 });
    expect(idToken).toMatchObject({ acr: "phr", amr: ["pop", "swk", "user", "mfa"] });
  });

  it("a device-bound passkey without attestation is phr, and claims no hardware", async () => {
    const { SoftwareAuthenticator } = await import("../../src/testing.ts");
    const bound = here.running.browser(new SoftwareAuthenticator({ backupEligible: false }));
    const { idToken } = await here.app.signUp(bound, { email: "bound@example.com" });
    expect(idToken).toMatchObject({ acr: "phr", amr: ["pop", "user", "mfa"] });
  });

  it("claims that are no JSON are refused", async () => {
    const request = await here.app.request({ claims: "{" });
    expect(here.app.error(request, await here.jane.open(request.url))).toBe("invalid_request");
  });

  it("a sub that is demanded is the one who signs in, or nobody", async () => {
    const other = await here.app.signUp(here.running.browser(), { email: "other@example.com" });
    const claims = JSON.stringify({ id_token: { sub: { essential: true, value: other.idToken.sub } } });
    const request = await here.app.request({ claims });
    const page = await here.jane.open(request.url);
    expect(page.status).toBe(200);
    expect(here.app.error(request, await here.jane.complete(page))).toBe("login_required");
  });
});
