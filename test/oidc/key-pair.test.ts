/** What names a key. */
import { calculateJwkThumbprint } from "jose";
import { expect, test } from "vitest";
import { newKeyPair } from "../../src/oidc/key-pair.ts";

test("a key is named by its thumbprint, and by none that a command line would take for an option", async () => {
  // One in sixty-four begins with a hyphen.
  const pairs = await Promise.all(Array.from({ length: 600 }, () => newKeyPair("ES256")));
  for (const { jwk, kid } of pairs) expect(kid).toBe(await calculateJwkThumbprint(jwk));
  expect(pairs.filter(({ kid }) => kid.startsWith("-"))).toEqual([]);
});
