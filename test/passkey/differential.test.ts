/**
 * Our verification of assertions is held against the library's, which it stands in for: on the same answers, some
 * genuine, some changed after they were signed, some signed over changed bytes. What we accept the library accepts;
 * what only we refuse is refused for a reason that is said here.
 */
import { verifyAuthenticationResponse } from "@simplewebauthn/server";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { judgeAuthenticatorData, judgeClientData, readAuthenticatorData } from "../../src/passkey/judge.ts";
import { type AssertionAnswer, readAssertion } from "../../src/passkey/response.ts";
import { type VerificationKey, verifyAssertion } from "../../src/passkey/signature.ts";
import { type Algorithm, type GetOverrides, SoftwareAuthenticator } from "../../src/testing.ts";
import { ORIGIN, RP } from "./party.ts";

const CASES = Number(process.env.FUZZ_CASES ?? 20_000) / 20;
const CHALLENGE = "A".repeat(44);

interface Subject {
  name: string;
  key: VerificationKey;
  answer(overrides?: GetOverrides): AssertionAnswer;
}

function subject(name: string, algorithm: Algorithm): Subject {
  const authenticator = new SoftwareAuthenticator({ algorithms: [algorithm] });
  const created = authenticator.create(
    {
      rp: { id: RP.id, name: RP.name },
      user: { id: "A".repeat(43).replace(/A$/, "A"), name: "jane", displayName: "Jane" },
      challenge: CHALLENGE,
      pubKeyCredParams: [{ type: "public-key", alg: algorithm }],
    },
    ORIGIN,
  );
  const publicKey = Buffer.from(authenticator.credentials[0]?.publicKey ?? []).toString("base64url");
  expect(created.id).toBe(authenticator.credentials[0]?.id);
  return {
    name,
    key: { publicKey, algorithm },
    answer: (overrides) =>
      readAssertion(authenticator.get({ rpId: RP.id, challenge: CHALLENGE }, ORIGIN, overrides)),
  };
}

const subjects = [subject("ES256", -7), subject("EdDSA", -8), subject("RS256", -257)];

/** Everything we ask of an assertion but whose it is. */
async function ours(answer: AssertionAnswer, key: VerificationKey): Promise<boolean> {
  try {
    judgeClientData(answer.clientData, "webauthn.get", RP);
    judgeAuthenticatorData(readAuthenticatorData(Buffer.from(answer.authenticatorData, "base64url")), RP);
    return await verifyAssertion(answer, key);
  } catch {
    return false;
  }
}

async function theirs(answer: AssertionAnswer, key: VerificationKey): Promise<boolean> {
  const { id, clientDataJSON, authenticatorData, signature } = answer;
  try {
    const { verified } = await verifyAuthenticationResponse({
      response: {
        id,
        rawId: id,
        type: "public-key",
        response: { clientDataJSON, authenticatorData, signature },
        clientExtensionResults: {},
      },
      expectedChallenge: CHALLENGE,
      expectedOrigin: [ORIGIN],
      expectedRPID: RP.id,
      requireUserVerification: false,
      credential: { id, publicKey: new Uint8Array(Buffer.from(key.publicKey, "base64url")), counter: 0 },
    });
    return verified === true;
  } catch {
    return false;
  }
}

/** The same bytes with one of them changed, some taken out, or some put in. */
const edit = fc
  .record({
    at: fc.nat(2000),
    mask: fc.integer({ min: 1, max: 255 }),
    take: fc.nat(3),
    put: fc.uint8Array({ maxLength: 3 }),
  })
  .map(({ at, mask, take, put }) => (bytes: Uint8Array): Buffer => {
    const copy = Buffer.from(bytes);
    const place = at % copy.length;
    if (put.length === 0 && take === 0) copy.writeUInt8(copy.readUInt8(place) ^ mask, place);
    return Buffer.concat([copy.subarray(0, place), put, copy.subarray(place + take)]);
  });

const recode = (text: string, change: (bytes: Uint8Array) => Buffer) =>
  change(Buffer.from(text, "base64url")).toString("base64url");

describe.each(subjects)("an assertion by $name", ({ key, answer }) => {
  it("is accepted by both when it is genuine, and by neither when it is signed by another key", async () => {
    const genuine = answer();
    expect(await ours(genuine, key)).toBe(true);
    expect(await theirs(genuine, key)).toBe(true);
    const spoiled = answer({ signature: "spoiled" });
    expect(await ours(spoiled, key)).toBe(false);
    expect(await theirs(spoiled, key)).toBe(false);
  });

  it("is judged alike when signature, authenticator data or client data are changed after they were signed", async () => {
    const member = fc.constantFrom(
      "signature" as const,
      "authenticatorData" as const,
      "clientDataJSON" as const,
    );
    await fc.assert(
      fc.asyncProperty(member, edit, async (name, change) => {
        const changed = { ...answer() };
        changed[name] = recode(changed[name], change);
        if (changed[name] === answer()[name]) return;
        const accepted = await ours(changed, key);
        // A signature in BER, and one with a second encoding of the same number, are theirs alone.
        if (accepted !== (await theirs(changed, key)))
          expect({ accepted, name }).toEqual({ accepted: false, name: "signature" });
      }),
      { numRuns: CASES },
    );
  });

  it("is judged alike when the authenticator signs changed authenticator data", async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(edit, fc.boolean(), async (change, flagsOnly) => {
        const authenticatorData = (bytes: Uint8Array) =>
          flagsOnly ? Buffer.from(withFlags(bytes, change)) : change(bytes);
        const made = answer({ authenticatorData });
        const verdict = await ours(made, key);
        if (verdict) accepted++;
        // What only we refuse: an attested credential in an assertion, and extensions in a CBOR that is none.
        if (verdict !== (await theirs(made, key))) expect(verdict).toBe(false);
      }),
      { numRuns: CASES },
    );
    // Counter and reserved flags may be anything: a run in which nothing was accepted has shown nothing.
    expect(accepted).toBeGreaterThan(0);
  });
});

/** Only the flags are changed; the rest stays what an authenticator makes. */
function withFlags(bytes: Uint8Array, change: (bytes: Uint8Array) => Buffer): Uint8Array {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(change(copy.subarray(32, 33))[0] ?? 0, 32);
  return copy;
}
