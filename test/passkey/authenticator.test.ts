/** The software authenticator, as somebody who tests an installation uses it. */
import { createHash, createPublicKey, X509Certificate } from "node:crypto";
import { decodeAttestationObject, parseAuthenticatorData } from "@simplewebauthn/server/helpers";
import { describe, expect, test } from "vitest";
import type { PublicKeyCredentialCreationOptionsJSON } from "../../src/passkey/json.ts";
import { SoftwareAuthenticator } from "../../src/testing.ts";

const ORIGIN = "https://id.example.com";

const creation = (changes: Partial<PublicKeyCredentialCreationOptionsJSON> = {}) => ({
  rp: { id: "example.com", name: "Example" },
  user: { id: "AAAA", name: "jane", displayName: "Jane" },
  challenge: "AAAA",
  pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key" as const, alg })),
  ...changes,
});

const dataOf = (text: string) => parseAuthenticatorData(new Uint8Array(Buffer.from(text, "base64url")));

describe("a registration", () => {
  test("answers as a browser does", () => {
    const answer = new SoftwareAuthenticator().create(creation(), ORIGIN);
    expect(answer).toMatchObject({ type: "public-key", rawId: answer.id, clientExtensionResults: {} });
    expect(JSON.parse(Buffer.from(answer.response.clientDataJSON, "base64url").toString())).toEqual({
      type: "webauthn.create",
      challenge: "AAAA",
      origin: ORIGIN,
      crossOrigin: false,
    });
    const data = dataOf(answer.response.authenticatorData!);
    expect(data.flags).toMatchObject({ up: true, uv: true, be: true, bs: true, at: true, ed: false });
    expect(Buffer.from(data.rpIdHash)).toEqual(createHash("sha256").update("example.com").digest());
    expect(Buffer.from(data.credentialID!).toString("base64url")).toBe(answer.id);
  });

  test("takes the first of its algorithms that is offered, or refuses", () => {
    const key = new SoftwareAuthenticator({ algorithms: [-8, -7] });
    key.create(creation(), ORIGIN);
    key.create(
      creation({
        user: { id: "BBBB", name: "", displayName: "" },
        pubKeyCredParams: [{ type: "public-key", alg: -7 }],
      }),
      ORIGIN,
    );
    expect(key.credentials.map(({ algorithm }) => algorithm)).toEqual([-8, -7]);
    const none = creation({ pubKeyCredParams: [{ type: "public-key", alg: -65535 }] });
    expect(() => key.create(none, ORIGIN)).toThrow(expect.objectContaining({ name: "NotSupportedError" }));
  });

  test("replaces the credential of the same relying party and user handle", () => {
    const key = new SoftwareAuthenticator();
    const first = key.create(creation(), ORIGIN);
    const elsewhere = key.create(creation({ rp: { id: "other.test", name: "" } }), "https://other.test");
    const second = key.create(creation(), ORIGIN);
    expect(key.credentials.map(({ id }) => id)).toEqual([elsewhere.id, second.id]);
    expect(first.id).not.toBe(second.id);
  });

  test("without an RP ID is for the host of the origin", () => {
    const key = new SoftwareAuthenticator();
    key.create(creation({ rp: { name: "Example" } }), ORIGIN);
    expect(key.credentials[0]!.rpId).toBe("id.example.com");
  });

  test("with a certificate carries one that its root signed", () => {
    const key = new SoftwareAuthenticator({ attestation: "x5c" });
    const { response } = key.create(creation(), ORIGIN);
    const object = decodeAttestationObject(
      new Uint8Array(Buffer.from(response.attestationObject, "base64url")),
    );
    const [der] = (object.get("attStmt") as unknown as Map<string, Uint8Array[]>).get("x5c")!;
    const [leaf, root] = [new X509Certificate(der!), new X509Certificate(key.attestationRoot)];
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect([leaf.ca, root.ca]).toEqual([false, true]);
    expect(leaf.subject).toContain("OU=Authenticator Attestation");
    expect(createPublicKey(key.attestationRoot).asymmetricKeyType).toBe("ec");
  });
});

describe("an authentication", () => {
  test("is given by the newest credential that is allowed, and refused without one", () => {
    const key = new SoftwareAuthenticator();
    const first = key.create(creation(), ORIGIN);
    const second = key.create(creation({ user: { id: "BBBB", name: "", displayName: "" } }), ORIGIN);
    const options = { rpId: "example.com", challenge: "AAAA" };
    expect(key.get(options, ORIGIN)).toMatchObject({ id: second.id, response: { userHandle: "BBBB" } });
    const allowCredentials = [{ id: first.id, type: "public-key" as const }];
    expect(key.get({ ...options, allowCredentials }, ORIGIN).id).toBe(first.id);
    for (const other of [
      { ...options, rpId: "other.test" },
      { ...options, allowCredentials: [{ id: "CCCC", type: "public-key" as const }] },
    ]) {
      expect(() => key.get(other, ORIGIN)).toThrow(expect.objectContaining({ name: "NotAllowedError" }));
    }
  });

  test("counts where the authenticator counts", () => {
    const options = { rpId: "example.com", challenge: "AAAA" };
    for (const [counter, expected] of [
      [undefined, [0, 0]],
      [0, [1, 2]],
      [41, [42, 43]],
    ] as const) {
      const key = new SoftwareAuthenticator(counter === undefined ? {} : { counter });
      key.create(creation(), ORIGIN);
      const seen = [key.get(options, ORIGIN), key.get(options, ORIGIN)];
      expect(seen.map(({ response }) => dataOf(response.authenticatorData).counter)).toEqual(expected);
    }
  });
});
