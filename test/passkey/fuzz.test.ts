/**
 * SEC-28 SEC-29 Random changes to valid answers: each is refused with a code, or was no change that matters. 20,000 of
 * them, or as many as `FUZZ_CASES` says; `FUZZ_SEED` repeats a run.
 */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../../src/account/account.ts";
import { isRefusal } from "../../src/errors.ts";
import { judgeAssertion } from "../../src/passkey/assertion.ts";
import { judgeAttestation } from "../../src/passkey/attestation.ts";
import { judgePublicKey } from "../../src/passkey/public-key.ts";
import { Refusal } from "../../src/passkey/refusal.ts";
import { readAssertion, readAttestation } from "../../src/passkey/response.ts";
import { noTrustAnchors } from "../../src/passkey/trust.ts";
import { SoftwareAuthenticator } from "../../src/testing.ts";
import { openStore } from "../support/open-store.ts";
import { stores } from "../support/stores.ts";
import { ORIGIN, Party, RP } from "./party.ts";

const CASES = Number(process.env.FUZZ_CASES ?? 20_000);
const SEED = Number(process.env.FUZZ_SEED ?? 20261122);
/** Hours for a long run; the cases end it. */
const TIMEOUT = CASES * 100;

const opened = openStore(stores[0]!);
let party: Party;
let authenticator: SoftwareAuthenticator;
let account: Account;

beforeAll(async () => {
  party = new Party(opened.store);
  authenticator = new SoftwareAuthenticator();
  account = await party.enrol(authenticator);
});

/** One change to a run of bytes. Positions wrap around. */
type Edit = (bytes: Buffer) => Buffer;
const position = fc.nat(0xffff);
const chunk = fc.uint8Array({ minLength: 1, maxLength: 12 });
const cut = (bytes: Buffer, at: number) => at % (bytes.length + 1);
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(position, fc.integer({ min: 1, max: 255 })).map(
    ([at, mask]): Edit =>
      (bytes) => {
        const copy = Buffer.from(bytes);
        if (copy.length > 0) copy.writeUInt8(copy.readUInt8(at % copy.length) ^ mask, at % copy.length);
        return copy;
      },
  ),
  fc.tuple(position, chunk).map(
    ([at, more]): Edit =>
      (bytes) => {
        const place = cut(bytes, at);
        return Buffer.concat([bytes.subarray(0, place), more, bytes.subarray(place)]);
      },
  ),
  fc.tuple(position, fc.nat(40)).map(
    ([at, length]): Edit =>
      (bytes) => {
        const place = cut(bytes, at);
        return Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + length)]);
      },
  ),
  fc.tuple(position, position).map(
    ([from, to]): Edit =>
      (bytes) => {
        const piece = bytes.subarray(cut(bytes, from), cut(bytes, from) + 32);
        const place = cut(bytes, to);
        return Buffer.concat([bytes.subarray(0, place), piece, bytes.subarray(place)]);
      },
  ),
  position.map(
    (at): Edit =>
      (bytes) =>
        bytes.subarray(0, cut(bytes, at)),
  ),
);
const edits = fc.array(edit, { minLength: 1, maxLength: 4 });

function edited(member: string, given: readonly Edit[]): { text: string; changed: boolean } {
  const before = Buffer.from(member, "base64url");
  const after = given.reduce<Buffer>((bytes, change) => change(bytes), before);
  return { text: after.toString("base64url"), changed: !after.equals(before) };
}

/** Runs a share of the cases. */
function fuzz<T>(share: number, arbitrary: fc.Arbitrary<T>, property: (value: T) => Promise<void>) {
  const numRuns = Math.ceil(CASES * share);
  return fc.assert(fc.asyncProperty(arbitrary, property), { numRuns, seed: SEED });
}

/** What came of an attempt; anything but a refusal or an acceptance is a defect. */
async function outcome<T>(attempt: () => Promise<T>): Promise<T | "refused"> {
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof Refusal || isRefusal(error)) return "refused";
    throw error;
  }
}

const assertion = authenticatorAnswer(() => authenticator.get({ rpId: RP.id, challenge: "AAAA" }, ORIGIN));

/** The same valid answer for all cases, made when it is first asked for. */
function authenticatorAnswer<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const judged = (response: unknown) =>
  judgeAssertion({
    rp: RP,
    answer: readAssertion(response),
    terms: {},
    stored: { value: account, version: "1" },
    clock: party.clock,
  });

describe("SEC-28 SEC-29 of an assertion", () => {
  test.each(["clientDataJSON", "authenticatorData", "signature"] as const)(
    "changed bytes of %s are refused",
    async (member) => {
      const valid = assertion();
      expect(await outcome(() => judged(valid))).not.toBe("refused");
      await fuzz(0.2, edits, async (given) => {
        const { text, changed } = edited(valid.response[member], given);
        const response = { ...valid, response: { ...valid.response, [member]: text } };
        expect((await outcome(() => judged(response))) === "refused").toBe(changed);
      });
    },
    TIMEOUT,
  );
});

test(
  "SEC-28 of an attestation, changed bytes are refused or make a sound passkey",
  async () => {
    const options = await party.startRegistration();
    const kinds = (["none", "self", "x5c"] as const).map((attestation) =>
      new SoftwareAuthenticator({ attestation }).create(options, ORIGIN),
    );
    const attestation = (response: unknown) =>
      judgeAttestation({
        rp: RP,
        answer: readAttestation(response),
        terms: { attestation: "none" },
        anchors: noTrustAnchors,
        now: party.now,
      });
    for (const valid of kinds) expect(await outcome(() => attestation(valid))).not.toBe("refused");
    await fuzz(0.25, fc.tuple(fc.constantFrom(...kinds), edits), async ([valid, given]) => {
      const { text } = edited(valid.response.attestationObject, given);
      const response = { ...valid, response: { ...valid.response, attestationObject: text } };
      const passkey = await outcome(() => attestation(response));
      if (passkey === "refused") return;
      expect(passkey.id).toBe(valid.id);
      expect(judgePublicKey(Buffer.from(passkey.publicKey, "base64url"))).toBe(passkey.algorithm);
      expect(passkey.attestation).not.toBe("verified");
      expect(passkey.backedUp && !passkey.backupEligible).toBe(false);
    });
  },
  TIMEOUT,
);

/** A JSON text as a hostile client may write it: any value in any place, members twice, names of the language. */
const hostileJson = fc
  .tuple(
    fc.constantFrom(
      "id",
      "rawId",
      "type",
      "response",
      "clientDataJSON",
      "signature",
      "userHandle",
      "attestationObject",
      "transports",
    ),
    fc.oneof(
      fc.json({ maxDepth: 3 }),
      fc.constantFrom('"__proto__"', "[[[[]]]]", '{"length":1e9}', '"\\ud800"', '"AA"', "1e999"),
    ),
    fc.constantFrom(
      "",
      '"__proto__":{"admin":true},',
      '"constructor":{"prototype":{"admin":true}},',
      '"toString":null,',
    ),
  )
  .map(([member, value, more]) => {
    const { response, ...outer } = assertion();
    const write = (object: object, changed: boolean, ...rest: string[]) => {
      const last = changed ? [`"${member}":${value}`] : [];
      return `{${more}${[JSON.stringify(object).slice(1, -1), ...rest, ...last].join(",")}}`;
    };
    const atTop = ["id", "rawId", "type", "response"].includes(member);
    const inner = write({ ...response, attestationObject: "oA" }, !atTop);
    return write(outer, atTop, `"response":${inner}`);
  });

test(
  "SEC-29 of both ceremonies, any JSON gets a coded answer and leaves no trace",
  async () => {
    const names = () =>
      JSON.stringify(
        [Object, Array, String, Map].map(({ prototype }) => Reflect.ownKeys(prototype).map(String)),
      );
    const before = names();
    await fuzz(0.15, fc.oneof(hostileJson, fc.json()), async (text) => {
      const response: unknown = JSON.parse(text);
      expect(await outcome(() => party.finishAuthentication(response))).toBe("refused");
      expect(await outcome(() => party.finishRegistration(response))).toBe("refused");
    });
    expect(names()).toBe(before);
    expect("admin" in {}).toBe(false);
    const accounts = [...party.accounts.values()];
    expect(accounts).toEqual([account]);
  },
  TIMEOUT,
);
