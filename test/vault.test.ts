import { describe, expect, test } from "vitest";
import { createVault } from "../src/vault.ts";

const [older, newer] = [
  "an older root secret of the tests, 32 bytes",
  "a newer root secret of the tests, 32 bytes",
];

describe("a vault", () => {
  test("opens what it wrapped for the same purpose, and for no other", () => {
    const vault = createVault([newer]);
    const wrapped = vault.wrap("value", "mail");
    expect(vault.open(wrapped, "mail")).toBe("value");
    expect(() => vault.open(wrapped, "keys")).toThrow(expect.objectContaining({ code: "secret_mismatch" }));
    expect(() => createVault([older]).open(wrapped, "mail")).toThrow();
  });

  test("SEC-139 opens what an older secret wrapped while that is still given, and says that it is not current", () => {
    const wrapped = createVault([older]).wrap("value", "mail");
    const rotated = createVault([newer, older]);
    expect(rotated.open(wrapped, "mail")).toBe("value");
    expect(rotated.isCurrent(wrapped, "mail")).toBe(false);
    expect(rotated.isCurrent(rotated.wrap("value", "mail"), "mail")).toBe(true);
  });
});
