/** Names of passkey providers. */
import { expect, test } from "vitest";
import { providerName } from "../../src/passkey/names.ts";

test("a provider is named by its AAGUID, in any case", () => {
  expect(providerName("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4")).toBe("Google Password Manager");
  expect(providerName("EA9B8D66-4D01-1D21-3CE4-B6B48CB575D4")).toBe("Google Password Manager");
});

test("nobody is named by zeros, an unknown AAGUID, or a word of the language", () => {
  for (const aaguid of ["00000000-0000-0000-0000-000000000000", "", "__proto__", "constructor"]) {
    expect(providerName(aaguid)).toBeUndefined();
  }
});
