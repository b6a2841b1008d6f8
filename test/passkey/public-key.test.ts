/** SEC-27 Which COSE keys may become a passkey's. */
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { isEd25519Point } from "../../src/passkey/ed25519.ts";
import { encodeEs256Key, judgePublicKey } from "../../src/passkey/public-key.ts";
import { refusalReason } from "../../src/passkey/refusal.ts";
import { type Cbor, encodeCbor } from "../../src/testing/cbor.ts";
import { coseKey, newKeyPair } from "../../src/testing/key.ts";

const key = (...entries: [number, Cbor][]) => encodeCbor(new Map(entries));
const judged = (encoded: Uint8Array) => {
  try {
    return judgePublicKey(encoded);
  } catch (error) {
    return refusalReason(error);
  }
};

test.each([-7, -8, -257] as const)("SEC-27 a complete key of algorithm %i is taken", (algorithm) => {
  expect(judgePublicKey(newKeyPair(algorithm).publicKey)).toBe(algorithm);
});

test("SEC-27 an algorithm that is not offered is refused", () => {
  for (const algorithm of [-35, -36, -37, -65535, -48, 0, 7]) {
    const ec = coseKey(-7, generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey);
    expect(judged(encodeCbor(ec.set(3, algorithm)))).toBe("algorithm_not_offered");
  }
});

describe("SEC-27 a key of Ed25519", () => {
  const okp = (x: Uint8Array) => key([1, 1], [3, -8], [-1, 6], [-2, x]);
  const littleEndian = (value: bigint) => Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse();
  const P = 2n ** 255n - 19n;

  test("is taken when somebody can have made it", () => {
    for (let i = 0; i < 20; i++) {
      const { x = "" } = generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" });
      expect(judged(okp(Buffer.from(x, "base64url")))).toBe(-8);
    }
  });

  test("is refused when its point has a small order, for which signatures hold that nobody made", () => {
    const orders = [
      0n,
      1n,
      P - 1n,
      2707385501144840649318225287225658788936804267575313519463743609750303402022n,
      55188659117513257062467267217118295137698188065244968500265048394206261417927n,
    ];
    for (const y of orders) {
      expect(judged(okp(littleEndian(y)))).toBe("public_key_invalid");
      expect(judged(okp(littleEndian(y + 2n ** 255n)))).toBe("public_key_invalid");
    }
  });

  test("is refused when it is not on the curve, not canonical, or not of 32 bytes", () => {
    for (const bytes of [
      littleEndian(2n),
      littleEndian(P),
      littleEndian(P + 1n),
      Buffer.alloc(31),
      Buffer.alloc(33),
      Buffer.alloc(0),
    ]) {
      expect(judged(okp(bytes))).toBe("public_key_invalid");
    }
    expect(isEd25519Point(littleEndian(3n))).toBe(true);
  });

  test("is refused on another curve or with another type", () => {
    const { x = "" } = generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" });
    const point = Buffer.from(x, "base64url");
    expect(judged(key([1, 1], [3, -8], [-1, 7], [-2, point]))).toBe("public_key_invalid");
    expect(judged(key([1, 2], [3, -8], [-1, 6], [-2, point]))).toBe("public_key_invalid");
    expect(judged(key([1, 1], [3, -8], [-1, 6], [-2, x]))).toBe("public_key_invalid");
  });
});

describe("SEC-27 an RSA key", () => {
  const rsa = (n: Uint8Array, e: Uint8Array) => judged(key([1, 3], [3, -257], [-1, n], [-2, e]));
  const ones = (length: number, first = 0xff) =>
    Buffer.concat([Buffer.of(first), Buffer.alloc(length - 1, 0xff)]);
  const f4 = Buffer.of(1, 0, 1);

  test.each([
    ["2048 bits", ones(256, 0x80), -257],
    ["2047 bits", ones(256, 0x7f), "public_key_invalid"],
    ["2049 bits", ones(257, 0x01), -257],
    ["a leading zero", ones(257, 0x00), "public_key_invalid"],
    ["512 bits", ones(64), "public_key_invalid"],
    ["8192 bits", ones(1024), -257],
    ["8200 bits", ones(1025), "public_key_invalid"],
    ["an even modulus", Buffer.concat([ones(255), Buffer.of(0xfe)]), "public_key_invalid"],
    ["no modulus", Buffer.alloc(0), "public_key_invalid"],
  ])("with %s", (_, modulus, verdict) => {
    expect(rsa(modulus, f4)).toBe(verdict);
  });

  test.each([
    ["65537", f4, -257],
    ["65539", Buffer.of(1, 0, 3), -257],
    ["1", Buffer.of(1), "public_key_invalid"],
    ["3", Buffer.of(3), "public_key_invalid"],
    ["65536", Buffer.of(1, 0, 0), "public_key_invalid"],
    ["65537 with a leading zero", Buffer.of(0, 1, 0, 1), "public_key_invalid"],
    ["40 bits", Buffer.of(1, 0, 0, 0, 1), "public_key_invalid"],
    ["nothing", Buffer.alloc(0), "public_key_invalid"],
  ])("with the exponent %s", (_, exponent, verdict) => {
    expect(rsa(ones(256), exponent)).toBe(verdict);
  });
});

test("a key that is no map is refused", () => {
  expect(judged(encodeCbor("key"))).toBe("public_key_invalid");
  expect(judged(encodeCbor([1, 2]))).toBe("public_key_invalid");
});

test("a P-256 key is encoded as an authenticator encodes it", () => {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  expect(encodeEs256Key(publicKey)).toBe(encodeCbor(coseKey(-7, publicKey)).toString("base64url"));
});
