/** The test vectors of WebAuthn Level 3 (W3C Software and Document License), judged as the specification says. */
import { readFileSync } from "node:fs";
import { SettingsService } from "@simplewebauthn/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { judgeAssertion } from "../../src/passkey/assertion.ts";
import { judgeAttestation } from "../../src/passkey/attestation.ts";
import type { CeremonyTerms } from "../../src/passkey/ceremony.ts";
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from "../../src/passkey/json.ts";
import { type Reason, refusalReason } from "../../src/passkey/refusal.ts";
import { readAssertion, readAttestation } from "../../src/passkey/response.ts";
import { newAccount, newHandle } from "./party.ts";

interface Vector {
  id: string;
  title: string;
  rpId: string;
  origin: string;
  json: {
    expectedRegistrationChallenge: string;
    expectedAuthenticationChallenge: string;
    registrationResponse: RegistrationResponseJSON;
    authenticationResponse: AuthenticationResponseJSON;
  };
}

const file: { vectors: Vector[]; attestationRoot: { pem: string } } = JSON.parse(
  readFileSync(new URL("vectors.json", import.meta.url), "utf8"),
);
const root = file.attestationRoot.pem;
const clock = { now: () => Date.UTC(2026, 10, 22) };

/** What becomes of each registration when the vectors' root is trusted. UV varies in them, so it is not demanded. */
const expected: Record<string, { accepted: string } | { refused: Reason }> = {
  "none.ES256": { accepted: "none" },
  "packed-self.ES256": { accepted: "self" },
  "none.ES256.crossOrigin": { refused: "cross_origin" },
  "none.ES256.topOrigin": { refused: "cross_origin" },
  "none.ES256.long-credential-id": { accepted: "none" },
  "packed.ES256": { accepted: "verified" },
  "packed.ES384": { refused: "verification_failed" },
  "packed.ES512": { refused: "verification_failed" },
  "packed.RS256": { accepted: "verified" },
  "packed.EdDSA": { accepted: "verified" },
  "packed.Ed448": { refused: "verification_failed" },
  "tpm.ES256": { refused: "verification_failed" },
  "android-key.ES256": { refused: "verification_failed" },
  "apple.ES256": { accepted: "verified" },
  "fido-u2f.ES256": { refused: "verification_failed" },
};

beforeAll(() => SettingsService.setRootCertificates({ identifier: "apple", certificates: [root] }));
afterAll(() => SettingsService.setRootCertificates({ identifier: "apple", certificates: [] }));

function register({ id, rpId, origin, json }: Vector, terms: CeremonyTerms = {}) {
  const unasked = id.startsWith("none") || id.startsWith("packed-self");
  return judgeAttestation({
    rp: { id: rpId, name: rpId, origins: [origin] },
    answer: readAttestation(json.registrationResponse),
    terms: { userVerification: "preferred", attestation: unasked ? "none" : "direct", ...terms },
    anchors: () => [root],
    now: clock.now(),
  });
}

async function authenticate(
  vector: Vector,
  tamper: (response: AuthenticationResponseJSON) => unknown = (r) => r,
) {
  const { rpId, origin, json } = vector;
  const account = newAccount(newHandle());
  account.passkeys = [{ ...(await register(vector)), state: "active" }];
  const { authenticationResponse: given } = json;
  const response = { ...given, response: { ...given.response, userHandle: account.handle } };
  return judgeAssertion({
    rp: { id: rpId, name: rpId, origins: [origin] },
    answer: readAssertion(tamper(response)),
    terms: { userVerification: "preferred" },
    stored: { value: account, version: "1" },
    clock,
  });
}

test("every vector is judged", () => {
  expect(file.vectors.map(({ id }) => id).sort()).toEqual(Object.keys(expected).sort());
});

for (const vector of file.vectors) {
  const verdict = expected[vector.id]!;
  describe(vector.title, () => {
    if ("refused" in verdict) {
      test("is refused", async () => {
        const reason = await register(vector).then(() => "accepted", refusalReason);
        expect(reason).toBe(verdict.refused);
      });
      return;
    }

    test(`is registered, attestation ${verdict.accepted}`, async () => {
      const { registrationResponse: given, expectedRegistrationChallenge } = vector.json;
      expect(readAttestation(given).clientData.challenge).toBe(expectedRegistrationChallenge);
      expect(await register(vector)).toMatchObject({ id: given.id, attestation: verdict.accepted });
    });

    test("signs in", async () => {
      const { authenticationResponse: given, expectedAuthenticationChallenge } = vector.json;
      expect(readAssertion(given).clientData.challenge).toBe(expectedAuthenticationChallenge);
      expect((await authenticate(vector)).passkey.id).toBe(given.id);
    });

    test("does not sign in with another signature", async () => {
      const tamper = (given: AuthenticationResponseJSON) => {
        const signature = Buffer.from(given.response.signature, "base64url");
        signature.writeUInt8(signature.readUInt8(signature.length - 1) ^ 1, signature.length - 1);
        return { ...given, response: { ...given.response, signature: signature.toString("base64url") } };
      };
      const reason = await authenticate(vector, tamper).then(() => "accepted", refusalReason);
      expect(reason).toBe("signature_invalid");
    });
  });
}

test("UV is demanded unless the challenge says otherwise", async () => {
  const vector = file.vectors[0]!;
  const flags = Buffer.from(readAttestation(vector.json.registrationResponse).attestationObject, "base64url");
  expect(flags.includes(Buffer.from("bfabc374", "hex"))).toBe(true);
  const verified = await register(vector).then(() => "accepted");
  const strict = await register(vector, { userVerification: "required" }).then(
    () => "accepted",
    refusalReason,
  );
  expect([verified, strict]).toEqual(["accepted", "user_not_verified"]);
});

test("attestation by certificate is worth nothing without the root", async () => {
  const vector = file.vectors.find(({ id }) => id === "packed.ES256")!;
  const judge = (demanded: boolean) =>
    judgeAttestation({
      rp: { id: vector.rpId, name: "", origins: [vector.origin] },
      answer: readAttestation(vector.json.registrationResponse),
      terms: { userVerification: "preferred", attestation: demanded ? "direct" : "none" },
      anchors: () => [],
      now: clock.now(),
    });
  expect((await judge(false)).attestation).toBe("unknown");
  expect(await judge(true).then(() => "accepted", refusalReason)).toBe("attestation_untrusted");
});
