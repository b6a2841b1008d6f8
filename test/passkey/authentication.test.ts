/** Authentication: what is accepted, and everything hostile that is not. */
import { beforeEach, describe, expect, test } from "vitest";
import type { Account } from "../../src/account/account.ts";
import { isRefusal } from "../../src/errors.ts";
import type { Reason } from "../../src/passkey/refusal.ts";
import { ecdsaDer } from "../../src/testing/signature.ts";
import { type GetOverrides, SoftwareAuthenticator } from "../../src/testing.ts";
import { openStore } from "../support/open-store.ts";
import { stores } from "../support/stores.ts";
import { type AuthenticationPlay, newHandle, ORIGIN, observed, Party, RP, verdict } from "./party.ts";

const opened = openStore(stores[0]!);
let party: Party;
let authenticator: SoftwareAuthenticator;
let account: Account;

beforeEach(async () => {
  party = new Party(opened.store);
  authenticator = new SoftwareAuthenticator();
  account = await party.enrol(authenticator);
});

const failed = (reason: Reason) => ({ code: "authentication_failed", reason });
const passkeyOf = (owner: Account) => owner.passkeys[0]!;

/** A device-bound authenticator with a counter. */
const securityKey = (counter = 0) => new SoftwareAuthenticator({ backupEligible: false, counter });

/** Posts with members of the inner response replaced; `undefined` removes one. */
const inner = (changes: Record<string, unknown>) => (response: unknown) => {
  const { response: given, ...outer } = response as { response: object };
  return { ...outer, response: { ...given, ...changes } };
};

describe("a genuine assertion", () => {
  test("names account and passkey, and what it showed", async () => {
    const signedIn = await party.signIn(authenticator);
    expect(signedIn.account).toBe(account);
    expect(signedIn.stored).toEqual({ value: account, version: "1" });
    expect(signedIn.passkey).toBe(passkeyOf(account));
    expect(signedIn.facts).toEqual({ counter: 0, backedUp: true, counterRegressed: false, at: party.now });
    expect(party.events).toEqual([]);
  });

  test.each([-7, -8, -257] as const)("is taken from a passkey of algorithm %i", async (algorithm) => {
    const other = new SoftwareAuthenticator({ algorithms: [algorithm] });
    const owner = await party.enrol(other);
    expect((await party.signIn(other)).account).toBe(owner);
    expect(await verdict(party.signIn(other, { overrides: { signature: "spoiled" } }))).toEqual(
      failed("signature_invalid"),
    );
  });

  test("needs options that name nobody", async () => {
    const options = await party.startAuthentication();
    const { challenge, ...rest } = options;
    expect(rest).toEqual({ rpId: RP.id, timeout: 300_000, userVerification: "required" });
    expect(challenge.length).toBeGreaterThanOrEqual(43);
  });

  test("may lack crossOrigin, and may carry members that nobody knows", async () => {
    const overrides: GetOverrides = {
      crossOrigin: null,
      clientData: { other_keys_can_be_added_here: "…", tokenBinding: { status: "supported" } },
    };
    expect((await party.signIn(authenticator, { overrides })).account).toBe(account);
  });

  test("SEC-29 may begin with a byte order mark, which UTF-8 decode strips", async () => {
    const overrides: GetOverrides = { clientDataJSON: (json) => `\ufeff${json}` };
    expect((await party.signIn(authenticator, { overrides })).account).toBe(account);
  });

  test("is taken from every origin of the relying party", async () => {
    const rp = { ...RP, origins: [ORIGIN, "https://shop.example.net"] };
    const play = { finish: { rp }, overrides: { origin: "https://shop.example.net" } };
    expect((await party.signIn(authenticator, play)).account).toBe(account);
    const elsewhere = { finish: { rp }, overrides: { origin: "https://shop.example.org" } };
    expect(await verdict(party.signIn(authenticator, elsewhere))).toEqual(failed("origin_mismatch"));
  });
});

describe("an assertion about another ceremony", () => {
  const origins = [
    "https://example.com",
    "https://evil.example.com",
    "https://sub.id.example.com",
    "http://id.example.com",
    "https://id.example.com:8443",
    "https://id.example.com:443",
    "https://id.example.com/",
    "https://id.example.com.",
    "https://ID.example.com",
    "HTTPS://id.example.com",
    "https://id.example.com.evil.test",
    "https://xn--d-wia.example.com",
    "https://іd.example.com",
    "null",
    "",
    "android:apk-key-hash:7d1043473d55bfa90e8530d35801d4e381bc69f0",
  ];

  test.each(origins)("SEC-11 is refused from the origin %j", async (origin) => {
    expect(await verdict(party.signIn(authenticator, { overrides: { origin } }))).toEqual(
      failed("origin_mismatch"),
    );
    await expect(party.signIn(authenticator)).resolves.toBeDefined();
  });

  const variations: [string, AuthenticationPlay, Reason][] = [
    ["SEC-5 of type webauthn.create", { overrides: { type: "webauthn.create" } }, "type_mismatch"],
    ["SEC-5 of type payment.get", { overrides: { type: "payment.get" } }, "type_mismatch"],
    ["SEC-11 with a list of origins", { overrides: { clientData: { origin: [ORIGIN] } } }, "origin_mismatch"],
    ["SEC-12 for a subdomain as RP ID", { overrides: { rpId: "id.example.com" } }, "rp_id_mismatch"],
    ["SEC-12 for another RP ID", { overrides: { rpId: "evil.test" } }, "rp_id_mismatch"],
    ["SEC-13 with crossOrigin", { overrides: { crossOrigin: true } }, "cross_origin"],
    [
      "SEC-13 with crossOrigin as text",
      { overrides: { clientData: { crossOrigin: "false" } } },
      "cross_origin",
    ],
    ["SEC-13 with crossOrigin null", { overrides: { clientData: { crossOrigin: null } } }, "cross_origin"],
    ["SEC-13 with a foreign topOrigin", { overrides: { topOrigin: "https://evil.test" } }, "cross_origin"],
    ["SEC-13 with its own topOrigin", { overrides: { topOrigin: ORIGIN } }, "cross_origin"],
    [
      "SEC-13 with crossOrigin and topOrigin",
      { overrides: { crossOrigin: true, topOrigin: "https://evil.test" } },
      "cross_origin",
    ],
    ["SEC-15 without UP", { overrides: { userPresent: false } }, "user_not_present"],
    ["SEC-16 without UV", { overrides: { userVerified: false } }, "user_not_verified"],
    ["SEC-18 backed up, but not eligible", { overrides: { backupEligible: false } }, "backup_flags_invalid"],
    [
      "SEC-19 with BE gone",
      { overrides: { backupEligible: false, backedUp: false } },
      "backup_eligibility_changed",
    ],
    ["SEC-30 with a spoiled signature", { overrides: { signature: "spoiled" } }, "signature_invalid"],
    ["SEC-30 with a raw signature", { overrides: { signature: "raw" } }, "signature_invalid"],
    ["SEC-30 with r = 0", { overrides: { signature: () => ecdsaDer(0n, 1n) } }, "signature_invalid"],
    ["SEC-30 with s = 0", { overrides: { signature: () => ecdsaDer(1n, 0n) } }, "signature_invalid"],
    [
      "SEC-30 with bytes behind the signature",
      { overrides: { signature: (der) => Buffer.concat([der, Buffer.of(0)]) } },
      "signature_invalid",
    ],
    [
      "SEC-30 with a signature in BER",
      { overrides: { signature: (der) => Buffer.concat([Buffer.of(0x30, 0x81, der[1]!), der.subarray(2)]) } },
      "signature_invalid",
    ],
    [
      "SEC-28 with bytes behind the authenticator data",
      { overrides: { authenticatorData: (bytes) => Buffer.concat([bytes, Buffer.of(0)]) } },
      "verification_failed",
    ],
    [
      "SEC-28 with truncated authenticator data",
      { overrides: { authenticatorData: (bytes) => bytes.subarray(0, 36) } },
      "malformed",
    ],
  ];

  test.each(variations)("%s is refused", async (_, play, reason) => {
    expect(await verdict(party.signIn(authenticator, play))).toEqual(failed(reason));
    await expect(party.signIn(authenticator)).resolves.toBeDefined();
  });

  test("SEC-28 may carry extension outputs, a CBOR map as authenticators write it, and nothing else behind it", async () => {
    const withExtensions = (cbor: string, flag = 0x80): GetOverrides => ({
      authenticatorData: (bytes) => {
        const whole = Buffer.concat([bytes, Buffer.from(cbor, "hex")]);
        whole.writeUInt8(whole.readUInt8(32) | flag, 32);
        return whole;
      },
    });
    for (const cbor of ["a0", "a16161f5", "a16b6372656450726f7465637402"]) {
      await expect(party.signIn(authenticator, { overrides: withExtensions(cbor) })).resolves.toBeDefined();
    }
    const bad = [
      "",
      "00",
      "f5",
      "a1616118",
      "a161611800",
      "a2616100616101",
      "a16161c100",
      "bf6161f5ff",
      "a000",
    ];
    for (const overrides of [
      ...bad.map((cbor) => withExtensions(cbor)),
      withExtensions("", 0x40),
      withExtensions("a0", 0),
    ]) {
      expect(await verdict(party.signIn(authenticator, { overrides }))).toEqual(
        failed("verification_failed"),
      );
    }
  });

  test("SEC-29 whose client data is no UTF-8 is refused, though it is signed so", async () => {
    const withText = (text: Buffer) => (json: string) =>
      Buffer.concat([Buffer.from(`${json.slice(0, -1)},"more":"`), text, Buffer.from('"}')]);
    const broken = { clientDataJSON: withText(Buffer.of(0xff)) };
    expect(await verdict(party.signIn(authenticator, { overrides: broken }))).toEqual(failed("malformed"));
    const sound = { clientDataJSON: withText(Buffer.from("ÿ")) };
    await expect(party.signIn(authenticator, { overrides: sound })).resolves.toBeDefined();
  });

  test("SEC-28 whose members have another spelling of the same bytes is refused", async () => {
    const members = ["clientDataJSON", "authenticatorData", "signature", "userHandle"] as const;
    const spellings = (text: string) => [
      `${text}=`,
      `${text}\n`,
      ` ${text}`,
      `${text.slice(0, 4)} ${text.slice(4)}`,
    ];
    for (const member of members) {
      const options = await party.startAuthentication();
      const response = authenticator.get(options, ORIGIN);
      for (const spelling of spellings(response.response[member] ?? "")) {
        const answer = inner({ [member]: spelling })(response);
        expect(await verdict(party.finishAuthentication(answer))).toEqual(failed("malformed"));
      }
      await expect(party.finishAuthentication(response)).resolves.toBeDefined();
    }
  });

  test("SEC-30 with a high S is taken, once: the challenge is used up", async () => {
    const response = authenticator.get(await party.startAuthentication(), ORIGIN, { signature: "high-s" });
    await expect(party.finishAuthentication(response)).resolves.toBeDefined();
    expect((await verdict(party.finishAuthentication(response))).code).toBe("ceremony_expired");
  });

  test("SEC-16 that lacks UV is only told so in the log when it is genuine", async () => {
    const overrides: GetOverrides = { userVerified: false, signature: "spoiled" };
    expect(await verdict(party.signIn(authenticator, { overrides }))).toEqual(failed("signature_invalid"));
  });

  test("SEC-19 with BE new is refused", async () => {
    const key = securityKey();
    await party.enrol(key);
    const overrides = { backupEligible: true };
    expect(await verdict(party.signIn(key, { overrides }))).toEqual(failed("backup_eligibility_changed"));
    await expect(party.signIn(key)).resolves.toBeDefined();
  });

  test("SEC-20 a change of BS is taken and told", async () => {
    expect((await party.signIn(authenticator, { overrides: { backedUp: false } })).facts.backedUp).toBe(
      false,
    );
    expect((await party.signIn(authenticator)).facts.backedUp).toBe(true);
  });
});

describe("the challenge of an assertion", () => {
  test("SEC-1 is used up by the assertion", async () => {
    const response = authenticator.get(await party.startAuthentication(), ORIGIN);
    await expect(party.finishAuthentication(response)).resolves.toBeDefined();
    expect(await verdict(party.finishAuthentication(response))).toEqual({
      code: "ceremony_expired",
      reason: "challenge_unknown",
    });
  });

  test("SEC-2 is good for one of fifty parallel posts", async () => {
    const response = authenticator.get(await party.startAuthentication(), ORIGIN);
    const posts = Array.from({ length: 50 }, () => party.finishAuthentication(response));
    const results = await Promise.allSettled(posts);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("SEC-1 is used up by a refused assertion too", async () => {
    const options = await party.startAuthentication();
    const refused = authenticator.get(options, ORIGIN, { signature: "spoiled" });
    expect((await verdict(party.finishAuthentication(refused))).code).toBe("authentication_failed");
    const genuine = authenticator.get(options, ORIGIN);
    expect((await verdict(party.finishAuthentication(genuine))).code).toBe("ceremony_expired");
  });

  test("SEC-3 SEC-4 SEC-6 is tied to page, browser and action", async () => {
    for (const binding of [{ page: "other" }, { browser: "other" }, { action: "remove_passkey:AAAA" }]) {
      const response = authenticator.get(await party.startAuthentication({ binding }), ORIGIN);
      expect((await verdict(party.finishAuthentication(response))).code).toBe("ceremony_expired");
    }
    const binding = { page: "other", browser: "other", action: "remove_passkey:AAAA" };
    await expect(party.signIn(authenticator, { binding })).resolves.toBeDefined();
  });

  test("SEC-5 of a registration is none for an authentication", async () => {
    const { challenge } = await party.startRegistration();
    const response = authenticator.get({ rpId: RP.id, challenge }, ORIGIN);
    expect((await verdict(party.finishAuthentication(response))).code).toBe("ceremony_expired");
  });

  test("SEC-8 cannot be the client's own", async () => {
    const challenge = Buffer.alloc(32, 7).toString("base64url");
    await party.startAuthentication();
    const overrides = { challenge };
    expect((await verdict(party.signIn(authenticator, { overrides }))).code).toBe("ceremony_expired");
  });

  test("SEC-10 survives malformed answers and answers of other browsers", async () => {
    const options = await party.startAuthentication();
    const response = authenticator.get(options, ORIGIN);
    const broken = [
      { ...response, rawId: "AAAA" },
      inner({ signature: 7 })(response),
      { challenge: options.challenge },
    ];
    for (const answer of broken) {
      expect((await verdict(party.finishAuthentication(answer))).reason).toBe("malformed");
    }
    const binding = { browser: "attacker" };
    expect((await verdict(party.finishAuthentication(response, { binding }))).reason).toBe(
      "challenge_foreign",
    );
    await expect(party.finishAuthentication(response)).resolves.toBeDefined();
  });

  test("SEC-17 says that UV is required, and a client cannot say otherwise", async () => {
    const options = { ...(await party.startAuthentication()), userVerification: "discouraged" as const };
    const response = authenticator.get(options, ORIGIN, { userVerified: false });
    const posted = { ...response, userVerification: "discouraged" };
    expect((await verdict(party.finishAuthentication(posted))).reason).toBe("user_not_verified");
  });
});

describe("whose assertion it is", () => {
  test("SEC-21 the user handle has to be there and to be the owner's", async () => {
    const other = await party.enrol(new SoftwareAuthenticator());
    const cases: [string | null, Reason][] = [
      [null, "user_handle_missing"],
      [other.handle, "credential_unknown"],
      [newHandle(), "account_unknown"],
      [Buffer.alloc(65).toString("base64url"), "malformed"],
      ["", "malformed"],
    ];
    for (const [userHandle, reason] of cases) {
      expect(await verdict(party.signIn(authenticator, { overrides: { userHandle } }))).toEqual(
        failed(reason),
      );
    }
    await expect(party.signIn(authenticator)).resolves.toBeDefined();
  });

  test("SEC-21 a directory that answers with another account's document is not believed", async () => {
    const other = await party.enrol(new SoftwareAuthenticator());
    const findAccount = async () => ({ value: account, version: "1" });
    const play = { overrides: { userHandle: other.handle }, finish: { findAccount } };
    expect(await verdict(party.signIn(authenticator, play))).toEqual(failed("account_mismatch"));
    await expect(party.signIn(authenticator, { finish: { findAccount } })).resolves.toBeDefined();
  });

  test("SEC-22 the id has to be that of the credential that signed", async () => {
    const second = new SoftwareAuthenticator();
    await party.enrol(second, { start: { handle: account.handle } });
    const [first, other] = account.passkeys;
    expect(await verdict(party.signIn(authenticator, { overrides: { id: other!.id } }))).toEqual(
      failed("signature_invalid"),
    );
    expect(await verdict(party.signIn(second, { overrides: { id: first!.id } }))).toEqual(
      failed("signature_invalid"),
    );
    expect((await party.signIn(authenticator)).passkey).toBe(first);
    expect((await party.signIn(second)).passkey).toBe(other);
  });

  test("SEC-22 id and rawId have to be equal", async () => {
    for (const rawId of ["AAAA", "", `${passkeyOf(account).id}=`]) {
      expect(await verdict(party.signIn(authenticator, { overrides: { rawId } }))).toEqual(
        failed("malformed"),
      );
    }
    await expect(party.signIn(authenticator)).resolves.toBeDefined();
  });

  test("SEC-23 a deleted passkey is told to its client as unknown, and only that", async () => {
    const removed = account.passkeys.splice(0);
    const unknown = { code: "authentication_failed", reason: "credential_unknown", signal: "unknown" };
    expect(await verdict(party.signIn(authenticator))).toEqual(unknown);
    account.passkeys.push(...removed);
    await expect(party.signIn(authenticator)).resolves.toBeDefined();
  });

  test("SEC-23 a passkey of a deleted account is unknown, whatever else is wrong with its assertion", async () => {
    party.accounts.delete(account.handle);
    expect(await verdict(party.signIn(authenticator))).toMatchObject({ signal: "unknown" });
    const overrides: GetOverrides = { signature: "spoiled", origin: "https://evil.test", userHandle: null };
    expect(await verdict(party.signIn(authenticator, { overrides }))).toMatchObject({ signal: "unknown" });
  });

  test("SEC-23 SEC-61 an unknown passkey costs a verification, as a known one does", async () => {
    const overrides = { authenticatorData: (bytes: Buffer) => Buffer.concat([bytes, Buffer.of(0)]) };
    const known = await verdict(party.signIn(authenticator, { overrides }));
    expect(known.reason).toBe("verification_failed");
    const nobody = { ...overrides, userHandle: newHandle() };
    expect((await verdict(party.signIn(authenticator, { overrides: nobody }))).reason).toBe(known.reason);
  });

  test("SEC-23 without a valid challenge nobody learns whether a passkey is known", async () => {
    party.accounts.delete(account.handle);
    const overrides = { challenge: "AAAA" };
    expect(await verdict(party.signIn(authenticator, { overrides }))).not.toHaveProperty("signal");
    expect(await verdict(party.signIn(authenticator, { overrides: { rawId: "AAAA" } }))).not.toHaveProperty(
      "signal",
    );
  });

  test.each(["pending", "disabled"] as const)(
    "SEC-24 a passkey of a %s account is refused",
    async (state) => {
      account.state = state;
      expect(await verdict(party.signIn(authenticator))).toEqual(failed("account_inactive"));
      account.state = "active";
      await expect(party.signIn(authenticator)).resolves.toBeDefined();
    },
  );

  test.each(["pending", "suspended"] as const)("SEC-24 a %s passkey is refused", async (state) => {
    passkeyOf(account).state = state;
    expect(await verdict(party.signIn(authenticator))).toEqual(failed("credential_inactive"));
    passkeyOf(account).state = "active";
    await expect(party.signIn(authenticator)).resolves.toBeDefined();
  });

  test("every refusal looks the same from outside", async () => {
    const seen = new Set<string>();
    const look = async (play: AuthenticationPlay) => {
      const error: unknown = await party.signIn(authenticator, play).catch((reason: unknown) => reason);
      if (!isRefusal(error)) throw error;
      seen.add(JSON.stringify([error.status, error.message, error.toProblem()]));
    };
    await look({ overrides: { signature: "spoiled" } });
    await look({ overrides: { userHandle: null } });
    await look({ overrides: { userVerified: false } });
    await look({ overrides: { rawId: "AAAA" } });
    account.state = "disabled";
    await look({});
    expect(seen.size).toBe(1);
  });

  test("an account that has to answer answers, another one does not", async () => {
    const bystander = new SoftwareAuthenticator();
    const other = await party.enrol(bystander);
    const inRecord = { start: { account: account.id } };
    const atFinish = { finish: { expectAccount: account.id } };
    for (const play of [inRecord, atFinish]) {
      expect((await party.signIn(authenticator, play)).account).toBe(account);
      expect(await verdict(party.signIn(bystander, play))).toEqual(failed("account_mismatch"));
    }
    const torn = { start: { account: account.id }, finish: { expectAccount: other.id } };
    expect(await verdict(party.signIn(authenticator, torn))).toEqual(failed("account_mismatch"));
  });

  test("only an allowed passkey answers", async () => {
    const second = new SoftwareAuthenticator();
    await party.enrol(second, { start: { handle: account.handle } });
    const [first, other] = account.passkeys;
    const start = { allow: [first!] };
    const options = await party.startAuthentication({ start });
    expect(options.allowCredentials).toEqual([
      { id: first!.id, type: "public-key", transports: ["hybrid", "internal"] },
    ]);
    expect((await party.signIn(authenticator, { start })).passkey).toBe(first);
    const overrides = { credential: other!.id };
    expect(await verdict(party.signIn(second, { start, overrides }))).toEqual(
      failed("credential_not_allowed"),
    );
    expect(await verdict(party.signIn(authenticator, { start: { allow: [] } }))).toEqual(
      failed("credential_not_allowed"),
    );
  });
});

describe("the counter", () => {
  const stored = async (key: SoftwareAuthenticator, counter: number) => {
    const owner = await party.enrol(key);
    passkeyOf(owner).counter = counter;
    return owner;
  };
  const regressions = () => party.events.filter(({ type }) => type === "passkey.counter_regressed");

  test("that grows is told for the record", async () => {
    const key = securityKey(4);
    await stored(key, 4);
    expect((await party.signIn(key)).facts).toMatchObject({ counter: 5, counterRegressed: false });
  });

  test.each([5, 4, 0])(
    "SEC-33 that is %i after 5 refuses a device-bound passkey and raises an event",
    async (counter) => {
      const key = securityKey();
      const owner = await stored(key, 5);
      expect(await verdict(party.signIn(key, { overrides: { counter } }))).toEqual(
        failed("counter_regressed"),
      );
      expect(regressions()).toMatchObject([
        {
          account: owner.id,
          subject: passkeyOf(owner).id,
          detail: { stored: 5, received: counter },
          at: party.now,
        },
      ]);
      expect(passkeyOf(owner).counter).toBe(5);
      await expect(party.signIn(key, { overrides: { counter: 6 } })).resolves.toBeDefined();
    },
  );

  test("SEC-33 that goes back under a forged signature raises no alarm", async () => {
    const key = securityKey();
    await stored(key, 5);
    const overrides: GetOverrides = { counter: 1, signature: "spoiled" };
    expect(await verdict(party.signIn(key, { overrides }))).toEqual(failed("signature_invalid"));
    expect(regressions()).toEqual([]);
  });

  test("SEC-33 that goes back says nothing about a synced passkey", async () => {
    passkeyOf(account).counter = 5;
    const { facts } = await party.signIn(authenticator, { overrides: { counter: 3 } });
    expect(facts).toMatchObject({ counter: 3, counterRegressed: true });
    expect(regressions()).toEqual([]);
  });

  test("SEC-34 reaches its end, and does not begin again", async () => {
    const key = securityKey();
    const owner = await stored(key, 2 ** 32 - 2);
    const last = { counter: 2 ** 32 - 1 };
    expect((await party.signIn(key, { overrides: last })).facts.counter).toBe(2 ** 32 - 1);
    passkeyOf(owner).counter = 2 ** 32 - 1;
    expect(await verdict(party.signIn(key, { overrides: { counter: 0 } }))).toEqual(
      failed("counter_regressed"),
    );
  });

  test("that stays 0 is no counter", async () => {
    const key = securityKey();
    await stored(key, 0);
    const { facts } = await party.signIn(key, { overrides: { counter: 0 } });
    expect(facts.counterRegressed).toBe(false);
  });

  test("SEC-35 of two assertions that overtake each other both are genuine, and the next one is too", async () => {
    const key = securityKey(7);
    const owner = await stored(key, 7);
    const first = key.get(await party.startAuthentication(), ORIGIN);
    const second = key.get(await party.startAuthentication(), ORIGIN);
    const [later, earlier] = await Promise.all([
      party.finishAuthentication(second),
      party.finishAuthentication(first),
    ]);
    expect([later.facts.counter, earlier.facts.counter]).toEqual([9, 8]);
    passkeyOf(owner).counter = 9;
    expect((await party.signIn(key)).facts.counter).toBe(10);
  });
});

describe("what is told to the listener", () => {
  test("one event for each refusal, with its reason and nothing that was signed", async () => {
    const response = authenticator.get(await party.startAuthentication(), ORIGIN, { signature: "spoiled" });
    await verdict(party.finishAuthentication(response));
    expect(party.events).toEqual([
      {
        id: expect.any(String),
        type: "ceremony.refused",
        at: party.now,
        account: account.id,
        subject: passkeyOf(account).id,
        detail: { purpose: "authentication", action: "sign-in", reason: "signature_invalid" },
      },
    ]);
  });

  test("also of answers without a valid challenge, and of those that are none", async () => {
    await verdict(party.finishAuthentication("nonsense"));
    await verdict(party.signIn(authenticator, { overrides: { challenge: "AAAA" } }));
    expect(party.events.map(({ type, detail }) => [type, detail?.reason])).toEqual([
      ["ceremony.refused", "malformed"],
      ["ceremony.refused", "challenge_unknown"],
    ]);
  });

  test("a store that is away is no refusal", async () => {
    const away = new Error("away");
    const findAccount = () => Promise.reject(away);
    await expect(party.signIn(authenticator, { finish: { findAccount } })).rejects.toBe(away);
    const isKnown = () => Promise.reject(away);
    const play: AuthenticationPlay = { overrides: { signature: "spoiled" }, finish: { isKnown } };
    await expect(party.signIn(authenticator, play)).rejects.toBe(away);
    expect(party.events).toEqual([]);
  });
});

test("account and challenge are read at once, and only the commit waits for them", async () => {
  const calls: string[] = [];
  const findAccount = async () => {
    calls.push("account");
    return { value: account, version: "1" };
  };
  const response = authenticator.get(await party.startAuthentication(), ORIGIN);
  const store = observed(opened.store, calls);
  await party.finishAuthentication(response, { finish: { store, findAccount } });
  expect(calls).toEqual(["read", "account", "commit"]);
});
