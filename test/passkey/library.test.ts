/** What the library accepts, or tells too early, and we do not: each fact beside the check that answers it. */
import {
  type VerifiedRegistrationResponse,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { beforeEach, describe, expect, test } from "vitest";
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from "../../src/passkey/json.ts";
import { type CreateOverrides, type GetOverrides, SoftwareAuthenticator } from "../../src/testing.ts";
import { openStore } from "../support/open-store.ts";
import { stores } from "../support/stores.ts";
import { newHandle, ORIGIN, Party, RP, verdict } from "./party.ts";

const opened = openStore(stores[0]!);
let party: Party;
let authenticator: SoftwareAuthenticator;

beforeEach(() => {
  party = new Party(opened.store);
  authenticator = new SoftwareAuthenticator();
});

function libraryRegisters(response: RegistrationResponseJSON): Promise<VerifiedRegistrationResponse> {
  return verifyRegistrationResponse({
    response,
    expectedChallenge: challengeOf(response),
    expectedOrigin: ORIGIN,
    expectedRPID: RP.id,
  });
}

function challengeOf({ response }: RegistrationResponseJSON | AuthenticationResponseJSON): string {
  return JSON.parse(Buffer.from(response.clientDataJSON, "base64url").toString()).challenge;
}

describe("at registration the library accepts, and we refuse,", () => {
  const facts: [string, CreateOverrides][] = [
    ["M4 crossOrigin", { crossOrigin: true }],
    ["M4 a foreign topOrigin", { crossOrigin: true, topOrigin: "https://evil.test" }],
    ["M5 an id that is not the attested one", { id: "AAAA" }],
    ["M5 a credential id of 1024 bytes", { credentialId: Buffer.alloc(1024) }],
    [
      "bytes behind the attestation object",
      { attestationObject: (bytes) => Buffer.concat([bytes, Buffer.of(0)]) },
    ],
    [
      "a key that vouches for itself with another algorithm",
      {
        attestation: "self",
        statement: (statement) => statement.set("alg", -257),
      },
    ],
  ];

  test.each(facts)("%s", async (_, overrides) => {
    const response = authenticator.create(await party.startRegistration(), ORIGIN, overrides);
    expect((await libraryRegisters(response)).verified).toBe(true);
    expect((await verdict(party.finishRegistration(response))).code).toBe("registration_refused");
  });

  test("M5 a security key's AAGUID that nobody vouches for, which we keep as a label without trust", async () => {
    const yubikey = "2fc0579f-8113-47ea-b116-bb5a8db9202a";
    const response = authenticator.create(await party.startRegistration(), ORIGIN, { aaguid: yubikey });
    expect(await libraryRegisters(response)).toMatchObject({
      verified: true,
      registrationInfo: { aaguid: yubikey },
    });
    const { passkey } = await party.finishRegistration(response);
    expect(passkey).toMatchObject({ aaguid: yubikey, attestation: "none" });
  });

  test("M5 no attestation where it was demanded, and a chain that anybody wrote", async () => {
    const start = { attestation: "direct" as const };
    for (const attestation of ["none", "self", "x5c"] as const) {
      const response = authenticator.create(await party.startRegistration({ start }), ORIGIN, {
        attestation,
      });
      expect((await libraryRegisters(response)).verified).toBe(true);
      expect((await verdict(party.finishRegistration(response))).reason).toBe("attestation_untrusted");
    }
  });
});

describe("at authentication", () => {
  async function both(overrides: GetOverrides, stored: { counter?: number } = {}) {
    const account = await party.enrol(authenticator);
    const passkey = Object.assign(account.passkeys[0]!, stored);
    const response = authenticator.get(await party.startAuthentication(), ORIGIN, overrides);
    const library = verifyAuthenticationResponse({
      response,
      expectedChallenge: challengeOf(response),
      expectedOrigin: ORIGIN,
      expectedRPID: RP.id,
      credential: {
        id: passkey.id,
        publicKey: new Uint8Array(Buffer.from(passkey.publicKey, "base64url")),
        counter: passkey.counter,
      },
    });
    const accepted = await library.then(
      ({ verified }) => verified,
      (error: Error) => error.message,
    );
    return { accepted, verdict: await verdict(party.finishAuthentication(response)) };
  }

  const facts: [string, GetOverrides][] = [
    ["M4 crossOrigin without topOrigin", { crossOrigin: true }],
    ["M5 the id of another credential", { id: "AAAA" }],
    ["M5 the user handle of another account", { userHandle: newHandle() }],
    ["M5 no user handle", { userHandle: null }],
  ];

  test.each(facts)("the library accepts, and we refuse, %s", async (_, overrides) => {
    const { accepted, verdict } = await both(overrides);
    expect(accepted).toBe(true);
    expect(verdict.code).toBe("authentication_failed");
  });

  test.each([true, false])(
    "M5 the library accepts, and we refuse, that BE is no longer %s",
    async (backupEligible) => {
      authenticator = new SoftwareAuthenticator({ backupEligible });
      const { accepted, verdict } = await both({ backupEligible: !backupEligible, backedUp: false });
      expect(accepted).toBe(true);
      expect(verdict.reason).toBe("backup_eligibility_changed");
    },
  );

  test("M6 the library judges the counter of a forged assertion; we judge its signature", async () => {
    authenticator = new SoftwareAuthenticator({ backupEligible: false });
    const { accepted, verdict } = await both({ signature: "spoiled", counter: 1 }, { counter: 5 });
    expect(accepted).toMatch(/counter/);
    expect(verdict.reason).toBe("signature_invalid");
    expect(party.events.map(({ type }) => type)).toEqual(["ceremony.refused"]);
  });
});
