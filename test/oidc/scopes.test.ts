/** What an app asks to know, as the person is told. */
import { describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { consentClaims, namesOf } from "../../src/oidc/scopes.ts";

describe("SEC-89 the names of what an app asks for", () => {
  it.each([
    [["openid"], [], ["openid"]],
    [["openid", "email"], ["email_verified"], ["openid", "email"]],
    [["openid"], ["preferred_username", "name", "groups"], ["openid", "profile", "groups"]],
    [["openid"], ["https://example.com/badge"], ["openid", "https://example.com/badge"]],
    [["openid"], ["__proto__", "constructor"], ["openid", "__proto__", "constructor"]],
    [["openid"], ["a text that says something", "x".repeat(65), "\u202eliame"], ["openid"]],
  ])("of the scopes %j and the claims %j are %j", (scopes, claims, expected) => {
    expect(namesOf({ scopes, claims })).toEqual(expected);
  });

  it("leave out what says something about the sign-in alone, and count nothing twice", () => {
    expect(consentClaims(["sub", "acr", "email", "auth_time", "email", "amr", "sid", "iss"])).toEqual([
      "email",
    ]);
  });
});
