/** Every part of a valid answer, changed one at a time: each change is refused, and nothing is kept of it. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../../src/account/account.ts";
import type { AuthenticationResponseJSON } from "../../src/passkey/json.ts";
import { SoftwareAuthenticator } from "../../src/testing.ts";
import { openStore } from "../support/open-store.ts";
import { stores } from "../support/stores.ts";
import { newHandle, ORIGIN, Party, verdict } from "./party.ts";

const opened = openStore(stores[0]!);
let party: Party;
let authenticator: SoftwareAuthenticator;
let account: Account;

beforeAll(async () => {
  party = new Party(opened.store);
  authenticator = new SoftwareAuthenticator({ backupEligible: false, counter: 1 });
  account = await party.enrol(authenticator);
});

type Change = (response: AuthenticationResponseJSON) => unknown;

/** Replaces a member of the outer or the inner object. */
const outer =
  (changes: object): Change =>
  (response) => ({ ...response, ...changes });
const inner =
  (changes: object): Change =>
  (response) => ({ ...response, response: { ...response.response, ...changes } });

type Binary = "clientDataJSON" | "authenticatorData" | "signature";

/** Changes the bytes of a member; a negative position counts from the end. */
const bytes =
  (member: Binary, change: (value: Buffer) => Uint8Array): Change =>
  (response) => {
    const changed = change(Buffer.from(response.response[member], "base64url"));
    return inner({ [member]: Buffer.from(changed).toString("base64url") })(response);
  };
const flip = (member: Binary, at: number, mask = 1): Change =>
  bytes(member, (value) => {
    const position = at < 0 ? value.length + at : at;
    value.writeUInt8(value.readUInt8(position) ^ mask, position);
    return value;
  });
const json = (change: (data: Record<string, unknown>) => unknown): Change =>
  bytes("clientDataJSON", (value) => Buffer.from(JSON.stringify(change(JSON.parse(value.toString())))));

const mutants: [string, Change][] = [
  ["id missing", outer({ id: undefined })],
  ["id empty", outer({ id: "", rawId: "" })],
  ["id of nobody", outer({ id: "AAAA", rawId: "AAAA" })],
  ["id padded", (r) => ({ ...r, id: `${r.id}=`, rawId: `${r.id}=` })],
  ["id a list", (r) => ({ ...r, id: [r.id], rawId: [r.id] })],
  ["id a number", outer({ id: 7, rawId: 7 })],
  ["id of 1024 bytes", outer({ id: "A".repeat(1366), rawId: "A".repeat(1366) })],
  ["rawId missing", outer({ rawId: undefined })],
  ["rawId another", outer({ rawId: "AAAA" })],
  ["type missing", outer({ type: undefined })],
  ["type another", outer({ type: "password" })],
  ["response missing", outer({ response: undefined })],
  ["response null", outer({ response: null })],
  ["response a list", outer({ response: [] })],
  ["response text", outer({ response: "{}" })],
  ["client data missing", inner({ clientDataJSON: undefined })],
  ["client data null", inner({ clientDataJSON: null })],
  ["client data empty", inner({ clientDataJSON: "" })],
  ["client data in base64", (r) => inner({ clientDataJSON: `${r.response.clientDataJSON}+/` })(r)],
  ["client data no JSON", bytes("clientDataJSON", () => Buffer.from("{"))],
  ["client data a list", bytes("clientDataJSON", () => Buffer.from("[]"))],
  ["client data null", bytes("clientDataJSON", () => Buffer.from("null"))],
  ["client data not UTF-8", bytes("clientDataJSON", (value) => Buffer.concat([value, Buffer.of(0xff)]))],
  [
    "client data with a byte more",
    bytes("clientDataJSON", (value) => Buffer.concat([value, Buffer.from(" ")])),
  ],
  ["client data with its members in another order", json(({ type, ...rest }) => ({ ...rest, type }))],
  ["client data with a member more", json((data) => ({ ...data, more: true }))],
  ["client data type another", json((data) => ({ ...data, type: "webauthn.create" }))],
  ["client data type missing", json(({ type: _, ...data }) => data)],
  ["challenge another", json((data) => ({ ...data, challenge: "A".repeat(65) }))],
  ["challenge missing", json(({ challenge: _, ...data }) => data)],
  ["challenge a number", json((data) => ({ ...data, challenge: 7 }))],
  ["origin another", json((data) => ({ ...data, origin: "https://evil.test" }))],
  ["origin missing", json(({ origin: _, ...data }) => data)],
  ["crossOrigin set", json((data) => ({ ...data, crossOrigin: true }))],
  ["crossOrigin missing", json(({ crossOrigin: _, ...data }) => data)],
  ["topOrigin set", json((data) => ({ ...data, topOrigin: ORIGIN }))],
  ["authenticator data missing", inner({ authenticatorData: undefined })],
  ["authenticator data a number", inner({ authenticatorData: 7 })],
  ["authenticator data empty", inner({ authenticatorData: "" })],
  ["authenticator data cut", bytes("authenticatorData", (value) => value.subarray(0, -1))],
  [
    "authenticator data with a byte more",
    bytes("authenticatorData", (value) => Buffer.concat([value, Buffer.of(0)])),
  ],
  ["first byte of the RP ID hash", flip("authenticatorData", 0)],
  ["last byte of the RP ID hash", flip("authenticatorData", 31)],
  ["UP", flip("authenticatorData", 32, 0x01)],
  ["reserved flag 1", flip("authenticatorData", 32, 0x02)],
  ["UV", flip("authenticatorData", 32, 0x04)],
  ["BE", flip("authenticatorData", 32, 0x08)],
  ["BS", flip("authenticatorData", 32, 0x10)],
  ["BE and BS", flip("authenticatorData", 32, 0x18)],
  ["reserved flag 5", flip("authenticatorData", 32, 0x20)],
  ["AT", flip("authenticatorData", 32, 0x40)],
  ["ED", flip("authenticatorData", 32, 0x80)],
  ["counter up", flip("authenticatorData", 33, 0x80)],
  ["counter down", flip("authenticatorData", 36, 0x01)],
  ["signature missing", inner({ signature: undefined })],
  ["signature empty", inner({ signature: "" })],
  ["signature a list", inner({ signature: ["AAAA"] })],
  ["signature zeros", bytes("signature", (value) => Buffer.alloc(value.length))],
  ["signature tag", flip("signature", 0)],
  ["signature length", flip("signature", 1)],
  ["signature r", flip("signature", 10)],
  ["signature s", flip("signature", -10)],
  ["signature last bit", flip("signature", -1)],
  ["signature cut", bytes("signature", (value) => value.subarray(0, -1))],
  ["signature with a byte more", bytes("signature", (value) => Buffer.concat([value, Buffer.of(0)]))],
  ["user handle missing", inner({ userHandle: undefined })],
  ["user handle null", inner({ userHandle: null })],
  ["user handle empty", inner({ userHandle: "" })],
  ["user handle of nobody", inner({ userHandle: newHandle() })],
  ["user handle a number", inner({ userHandle: 7 })],
  ["user handle padded", (r) => inner({ userHandle: `${r.response.userHandle}=` })(r)],
];

describe("SEC-22 of an assertion", () => {
  test.each(mutants)("%s: refused", async (_, change) => {
    const before = structuredClone(account);
    const response = authenticator.get(await party.startAuthentication(), ORIGIN);
    const { code } = await verdict(party.finishAuthentication(change(response)));
    expect(["authentication_failed", "ceremony_expired"]).toContain(code);
    expect(account).toEqual(before);
    expect(party.events.map(({ type }) => type)).not.toContain("passkey.counter_regressed");
  });

  test("nothing changed: accepted", async () => {
    const unchanged: Change[] = [
      outer({}),
      inner({}),
      bytes("signature", (value) => value),
      outer({ more: true }),
    ];
    for (const change of unchanged) {
      const response = authenticator.get(await party.startAuthentication(), ORIGIN);
      expect((await party.finishAuthentication(change(response))).account).toBe(account);
    }
    expect(mutants.length).toBeGreaterThanOrEqual(40);
  });
});

test("what is no answer at all is refused", async () => {
  for (const response of [
    undefined,
    null,
    true,
    7,
    "",
    "{}",
    [],
    {},
    Object.create(null),
    [[]],
    new Date(0),
  ]) {
    expect(await verdict(party.finishAuthentication(response))).toEqual({
      code: "authentication_failed",
      reason: "malformed",
    });
    expect(await verdict(party.finishRegistration(response))).toEqual({
      code: "registration_refused",
      reason: "malformed",
    });
  }
});
