/** Registration: what is accepted, and everything hostile that is not. */
import { generateKeyPairSync } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import type { Reason } from "../../src/passkey/refusal.ts";
import { type Cbor, encodeCbor } from "../../src/testing/cbor.ts";
import { coseKey } from "../../src/testing/key.ts";
import { type CreateOverrides, SoftwareAuthenticator } from "../../src/testing.ts";
import { openStore } from "../support/open-store.ts";
import { stores } from "../support/stores.ts";
import { forget, newHandle, ORIGIN, observed, Party, type RegistrationPlay, verdict } from "./party.ts";

const opened = openStore(stores[0]!);
let party: Party;
let authenticator: SoftwareAuthenticator;

beforeEach(() => {
  party = new Party(opened.store);
  authenticator = new SoftwareAuthenticator({ aaguid: "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4" });
});

const refused = (reason: Reason) => ({ code: "registration_refused", reason });

describe("the options", () => {
  test("ask for a discoverable, verified passkey of the account's handle", async () => {
    const handle = newHandle();
    const exclude = [{ id: "AAAA", transports: ["usb"] }];
    const start = { handle, exclude, hints: ["client-device" as const] };
    const { challenge, ...options } = await party.startRegistration({ start });
    expect(options).toEqual({
      rp: { id: "example.com", name: "Example" },
      user: { id: handle, name: "jane", displayName: "Jane" },
      pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
      timeout: 300_000,
      excludeCredentials: [{ id: "AAAA", type: "public-key", transports: ["usb"] }],
      authenticatorSelection: {
        residentKey: "required",
        requireResidentKey: true,
        userVerification: "required",
      },
      attestation: "none",
      hints: ["client-device"],
    });
    expect(challenge.length).toBeGreaterThanOrEqual(43);
  });

  test("are new ones for every page", async () => {
    const [one, two] = [await party.startRegistration(), await party.startRegistration()];
    expect(one.authenticatorSelection).not.toBe(two.authenticatorSelection);
    expect(one.challenge).not.toBe(two.challenge);
  });

  test.each(["", Buffer.alloc(65).toString("base64url")])(
    "need a handle of 1 to 64 bytes, not %j",
    async (handle) => {
      await expect(party.startRegistration({ start: { handle } })).rejects.toThrow(TypeError);
    },
  );

  test("make an authenticator that holds a passkey of the account refuse", async () => {
    const { passkey, handle } = await party.register(authenticator);
    const options = await party.startRegistration({ start: { handle, exclude: [passkey] } });
    expect(() => authenticator.create(options, ORIGIN)).toThrow(
      expect.objectContaining({ name: "InvalidStateError" }),
    );
  });
});

describe("a genuine attestation", () => {
  test("becomes a pending passkey of the handle that was given out", async () => {
    const handle = newHandle();
    const registration = await party.register(authenticator, { start: { handle } });
    const held = authenticator.credentials[0]!;
    expect(registration).toEqual({
      handle,
      passkey: {
        id: held.id,
        publicKey: held.publicKey.toString("base64url"),
        algorithm: -7,
        counter: 0,
        transports: ["hybrid", "internal"],
        aaguid: "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4",
        backupEligible: true,
        backedUp: true,
        attestation: "none",
        state: "pending",
        name: "Google Password Manager",
        created: party.now,
      },
    });
    expect(party.events).toEqual([]);
  });

  test("names the account it was started for", async () => {
    expect((await party.register(authenticator, { start: { account: "jane" } })).accountId).toBe("jane");
  });

  test("of a device-bound authenticator that nobody knows", async () => {
    const key = new SoftwareAuthenticator({ backupEligible: false, counter: 3, transports: ["usb"] });
    expect((await party.register(key)).passkey).toMatchObject({
      backupEligible: false,
      backedUp: false,
      counter: 3,
      transports: ["usb"],
      name: "Passkey",
    });
  });

  test.each([-7, -8, -257] as const)(
    "is taken with algorithm %i, whoever vouches for it",
    async (algorithm) => {
      for (const [attestation, trust] of [
        ["none", "none"],
        ["self", "self"],
        ["x5c", "unknown"],
      ] as const) {
        const other = new SoftwareAuthenticator({ algorithms: [algorithm], attestation });
        expect((await party.register(other)).passkey).toMatchObject({ algorithm, attestation: trust });
      }
    },
  );

  test("SEC-36 keeps known transports only, each once", async () => {
    const cases: [unknown, string[]][] = [
      [
        ["<img>", "usb", "usb", 7, null, "nfc"],
        ["nfc", "usb"],
      ],
      [Array.from({ length: 500 }, () => "internal"), ["internal"]],
      [undefined, []],
      ["usb", []],
      [{ length: 1, 0: "usb" }, []],
    ];
    for (const [transports, kept] of cases) {
      const tamper = (response: unknown) => {
        const given = response as { response: object };
        return { ...given, response: { ...given.response, transports } };
      };
      expect((await party.register(authenticator, { tamper })).passkey.transports).toEqual(kept);
    }
  });

  test("ignores extension results and second copies of what it attests", async () => {
    const tamper = (response: unknown) => {
      const given = response as { response: object };
      const copies = { authenticatorData: "AAAA", publicKey: "AAAA", publicKeyAlgorithm: -65535 };
      const clientExtensionResults = { credProps: { rk: false }, __proto__: { admin: true } };
      return { ...given, clientExtensionResults, response: { ...given.response, ...copies } };
    };
    await expect(party.register(authenticator, { tamper })).resolves.toMatchObject({
      passkey: { algorithm: -7 },
    });
  });

  test.each([1, 2, 1023])("SEC-26 may have a credential id of %i bytes", async (length) => {
    const credentialId = Buffer.alloc(length, 7);
    const { passkey } = await party.register(authenticator, { overrides: { credentialId } });
    expect(passkey.id).toBe(credentialId.toString("base64url"));
  });
});

describe("conditional create", () => {
  const nobody = { userPresent: false, userVerified: false };
  const conditionally = { start: { conditional: true }, overrides: nobody };

  test("lets a password manager answer with nobody there, and asks for no verification that it could not give", async () => {
    const options = await party.startRegistration(conditionally);
    expect(options.authenticatorSelection).toMatchObject({
      residentKey: "required",
      userVerification: "preferred",
    });
    expect((await party.register(authenticator, conditionally)).passkey.state).toBe("pending");
    const attended = { start: { conditional: true } };
    expect((await party.register(authenticator, attended)).passkey.state).toBe("pending");
  });

  test.each(["conditional", "userVerification"])(
    "SEC-15 SEC-16 SEC-17 is over when the challenge does not remember %s",
    async (member) => {
      const options = await party.startRegistration(conditionally);
      await forget(opened.store, options.challenge, member);
      const answer = authenticator.create(options, ORIGIN, nobody);
      expect(await verdict(party.finishRegistration(answer))).toEqual(
        refused(member === "conditional" ? "user_not_present" : "user_not_verified"),
      );
      await expect(party.register(authenticator, conditionally)).resolves.toBeDefined();
    },
  );

  test("SEC-15 SEC-3 its challenge is no other page's, and no other page's challenge is good for it", async () => {
    const here = { binding: { page: "conditional" } };
    const silent = authenticator.create(
      await party.startRegistration({ ...conditionally, ...here }),
      ORIGIN,
      nobody,
    );
    expect(await verdict(party.finishRegistration(silent))).toMatchObject({ reason: "challenge_misused" });
    const modal = authenticator.create(await party.startRegistration(), ORIGIN, nobody);
    expect(await verdict(party.finishRegistration(modal, here))).toMatchObject({
      reason: "challenge_misused",
    });
    const right = authenticator.create(
      await party.startRegistration({ ...conditionally, ...here }),
      ORIGIN,
      nobody,
    );
    await expect(party.finishRegistration(right, here)).resolves.toBeDefined();
  });

  test("is judged like any other in everything else", async () => {
    const overrides = { ...nobody, origin: "https://evil.test" };
    expect(await verdict(party.register(authenticator, { ...conditionally, overrides }))).toEqual(
      refused("origin_mismatch"),
    );
  });
});

describe("a hostile attestation", () => {
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey;
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey;
  const changed = (key: Map<number, Cbor>, ...entries: [number, Cbor | undefined][]) => {
    for (const [label, value] of entries) value === undefined ? key.delete(label) : key.set(label, value);
    return key;
  };
  const es256 = (...entries: [number, Cbor | undefined][]) => changed(coseKey(-7, ec), ...entries);
  const append = (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.of(0)]);

  const variations: [string, CreateOverrides, Reason][] = [
    ["SEC-5 of type webauthn.get", { type: "webauthn.get" }, "type_mismatch"],
    ["SEC-11 from another origin", { origin: "https://example.com" }, "origin_mismatch"],
    ["SEC-11 from no origin", { clientData: { origin: undefined } }, "origin_mismatch"],
    ["SEC-12 for another RP ID", { rpId: "evil.test" }, "rp_id_mismatch"],
    ["SEC-12 for a subdomain as RP ID", { rpId: "id.example.com" }, "rp_id_mismatch"],
    ["SEC-13 with crossOrigin", { crossOrigin: true }, "cross_origin"],
    ["SEC-13 with its own topOrigin", { topOrigin: ORIGIN }, "cross_origin"],
    ["SEC-13 with both", { crossOrigin: true, topOrigin: "https://evil.test" }, "cross_origin"],
    ["SEC-15 without UP", { userPresent: false }, "user_not_present"],
    ["SEC-16 without UV", { userVerified: false }, "user_not_verified"],
    ["SEC-18 backed up, but not eligible", { backupEligible: false }, "backup_flags_invalid"],
    ["SEC-22 with the id of another credential", { id: "AAAA" }, "credential_id_mismatch"],
    ["SEC-22 with another rawId", { rawId: "AAAA" }, "malformed"],
    ["SEC-26 with an empty credential id", { credentialId: Buffer.alloc(0) }, "malformed"],
    [
      "SEC-26 with an empty attested id",
      { credentialId: Buffer.alloc(0), id: "AAAA" },
      "credential_id_mismatch",
    ],
    ["SEC-26 with a credential id of 1024 bytes", { credentialId: Buffer.alloc(1024) }, "malformed"],
    [
      "SEC-26 with an attested id of 1024 bytes",
      { credentialId: Buffer.alloc(1024), id: "AAAA" },
      "credential_id_mismatch",
    ],
    [
      "SEC-26 with a credential id of 65535 bytes",
      { credentialId: Buffer.alloc(65535), id: "AAAA" },
      "malformed",
    ],
    ["SEC-27 with an algorithm that was not offered", { publicKey: es256([3, -35]) }, "verification_failed"],
    ["SEC-27 with RS1", { publicKey: es256([3, -65535]) }, "verification_failed"],
    ["SEC-27 without an algorithm", { publicKey: es256([3, undefined]) }, "verification_failed"],
    ["SEC-27 with another curve", { publicKey: es256([-1, 2]) }, "public_key_invalid"],
    ["SEC-27 with a P-384 key said to be ES256", { publicKey: coseKey(-7, p384) }, "public_key_invalid"],
    ["SEC-27 with another key type", { publicKey: es256([1, 1]) }, "public_key_invalid"],
    ["SEC-27 without y", { publicKey: es256([-3, undefined]) }, "public_key_invalid"],
    [
      "SEC-27 with a point that is not on the curve",
      { publicKey: es256([-3, Buffer.alloc(32, 1)]) },
      "public_key_invalid",
    ],
    [
      "SEC-27 with the point (0, 0)",
      { publicKey: es256([-2, Buffer.alloc(32)], [-3, Buffer.alloc(32)]) },
      "public_key_invalid",
    ],
    ["SEC-27 with a further parameter", { publicKey: es256([-4, Buffer.alloc(32)]) }, "public_key_invalid"],
    ["SEC-27 with a key that is no map", { publicKey: encodeCbor("key") }, "verification_failed"],
    ["SEC-28 with bytes behind the authenticator data", { authenticatorData: append }, "verification_failed"],
    ["SEC-28 with bytes behind the attestation object", { attestationObject: append }, "malformed"],
    ["SEC-28 with no attestation object", { attestationObject: () => Buffer.of(0xa0) }, "malformed"],
    ["SEC-31 of a format that nobody knows", { format: "compound" }, "attestation_format"],
    ["SEC-31 of a format that was not asked for", { format: "tpm" }, "attestation_format"],
    ["SEC-31 with SafetyNet", { format: "android-safetynet" }, "attestation_format"],
    [
      "SEC-31 of format none with a statement",
      { statement: () => new Map([["sig", Buffer.alloc(8)]]) },
      "verification_failed",
    ],
    ["SEC-31 whose statement is no map", { statement: () => "none" }, "malformed"],
    [
      "SEC-31 self-attested with a broken signature",
      { attestation: "self", statement: broken },
      "signature_invalid",
    ],
    [
      "SEC-31 self-attested with another algorithm",
      { attestation: "self", statement: (s) => s.set("alg", -257) },
      "verification_failed",
    ],
    ["SEC-31 with an empty chain", { attestation: "x5c", statement: (s) => s.set("x5c", []) }, "malformed"],
    [
      "SEC-31 with a chain of text",
      { attestation: "x5c", statement: (s) => s.set("x5c", ["AAAA"]) },
      "malformed",
    ],
  ];

  test.each(variations)("%s is refused", async (_, overrides, reason) => {
    expect(await verdict(party.register(authenticator, { overrides }))).toEqual(refused(reason));
    await expect(party.register(authenticator)).resolves.toBeDefined();
  });

  function broken(statement: Map<string, Cbor>) {
    const signature = Buffer.from(statement.get("sig") as Buffer);
    signature.writeUInt8(signature.readUInt8(signature.length - 1) ^ 1, signature.length - 1);
    return statement.set("sig", signature);
  }

  test("SEC-27 with an RSA key that is too small, or whose exponent is 1 or even", async () => {
    const modulus = (length: number) => Buffer.alloc(length, 0xff);
    const rsa = (n: Buffer, e: Buffer) =>
      new Map<number, Cbor>([
        [1, 3],
        [3, -257],
        [-1, n],
        [-2, e],
      ]);
    const f4 = Buffer.from("010001", "hex");
    const bad = [
      rsa(modulus(64), f4),
      rsa(modulus(255), f4),
      rsa(modulus(256), Buffer.of(1)),
      rsa(modulus(256), Buffer.of(1, 0, 0)),
    ];
    for (const publicKey of bad) {
      expect(await verdict(party.register(authenticator, { overrides: { publicKey } }))).toEqual(
        refused("public_key_invalid"),
      );
    }
    const publicKey = rsa(modulus(256), f4);
    await expect(party.register(authenticator, { overrides: { publicKey } })).resolves.toBeDefined();
  });

  test("SEC-28 is refused when it is cut anywhere", async () => {
    const options = await party.startRegistration();
    const whole = authenticator.create(options, ORIGIN);
    const bytes = Buffer.from(whole.response.attestationObject, "base64url");
    for (let length = 0; length < bytes.length; length++) {
      const attestationObject = bytes.subarray(0, length).toString("base64url");
      const { challenge } = await party.startRegistration();
      const again = authenticator.create({ ...options, challenge }, ORIGIN);
      const response = { ...again, response: { ...again.response, attestationObject } };
      expect((await verdict(party.finishRegistration(response))).code).toBe("registration_refused");
    }
  });

  test("SEC-28 is refused at once when its CBOR is deep, huge, indefinite, tagged or has a key twice", async () => {
    const deep = Buffer.concat([Buffer.alloc(12_000, 0x81), Buffer.of(0)]);
    const corpus = [
      deep,
      Buffer.from("bb7fffffffffffffff", "hex"),
      Buffer.from("9a7fffffff", "hex"),
      Buffer.from("5affffffff", "hex"),
      Buffer.from("bf63666d74646e6f6e65ff", "hex"),
      Buffer.from("c1a363666d74646e6f6e656761747453746d74a0686175746844617461a0", "hex"),
      Buffer.from("a263666d74646e6f6e6563666d74646e6f6e65", "hex"),
      Buffer.from("a1fb3ff00000000000000000", "hex"),
    ];
    for (const bytes of corpus) {
      const overrides = { attestationObject: () => bytes };
      expect(await verdict(party.register(authenticator, { overrides }))).toEqual(refused("malformed"));
    }
  });
});

describe("the challenge of an attestation", () => {
  test("SEC-1 is used up by it, accepted or refused", async () => {
    const response = authenticator.create(await party.startRegistration(), ORIGIN);
    await expect(party.finishRegistration(response)).resolves.toBeDefined();
    expect((await verdict(party.finishRegistration(response))).code).toBe("ceremony_expired");
    const bad = authenticator.create(await party.startRegistration(), ORIGIN, { userPresent: false });
    expect((await verdict(party.finishRegistration(bad))).code).toBe("registration_refused");
    expect((await verdict(party.finishRegistration(bad))).code).toBe("ceremony_expired");
  });

  test("SEC-5 of an authentication is none for a registration", async () => {
    const options = await party.startRegistration();
    const { challenge } = await party.startAuthentication();
    const response = authenticator.create({ ...options, challenge }, ORIGIN);
    expect((await verdict(party.finishRegistration(response))).code).toBe("ceremony_expired");
  });

  test("SEC-4 SEC-10 is tied to its browser, and survives answers that are none", async () => {
    const response = authenticator.create(await party.startRegistration(), ORIGIN);
    const binding = { browser: "attacker" };
    expect((await verdict(party.finishRegistration(response, { binding }))).reason).toBe("challenge_foreign");
    expect((await verdict(party.finishRegistration({ ...response, id: 7 }))).reason).toBe("malformed");
    await expect(party.finishRegistration(response)).resolves.toBeDefined();
  });
});

describe("SEC-17 a record that lost", () => {
  const losing = async (member: string) => {
    const options = await party.startRegistration();
    const response = authenticator.create(options, ORIGIN);
    await forget(opened.store, options.challenge, member);
    return party.finishRegistration(response);
  };

  test("what kind of attestation will do demands it", async () => {
    expect(await verdict(losing("attestation"))).toEqual(refused("attestation_untrusted"));
  });

  test("its user handle registers nothing", async () => {
    expect(await verdict(losing("handle"))).toEqual(refused("user_handle_missing"));
  });

  test("nothing that matters registers", async () => {
    await expect(losing("nothing")).resolves.toBeDefined();
  });
});

describe("attestation that is demanded", () => {
  const aaguid = "0102030a-0506-0708-0102-030405060708";
  const demanded = (root: string, of = aaguid): RegistrationPlay => ({
    start: { attestation: "direct" },
    finish: { anchors: (statement) => (statement.aaguid === of ? [root] : []) },
  });

  test("SEC-31 is met by a chain to the root of that model, and by nothing less", async () => {
    const genuine = new SoftwareAuthenticator({ aaguid, attestation: "x5c" });
    const root = genuine.attestationRoot;
    expect((await party.startRegistration(demanded(root))).attestation).toBe("direct");
    expect((await party.register(genuine, demanded(root))).passkey).toMatchObject({
      attestation: "verified",
      aaguid,
    });
    const forger = new SoftwareAuthenticator({ aaguid, attestation: "x5c" });
    const self = new SoftwareAuthenticator({ aaguid, attestation: "self" });
    const silent = new SoftwareAuthenticator({ aaguid });
    for (const other of [forger, self, silent]) {
      expect(await verdict(party.register(other, demanded(root)))).toEqual(refused("attestation_untrusted"));
    }
  });

  test("SEC-32 is not met by a model that the root does not vouch for, nor without any root", async () => {
    const genuine = new SoftwareAuthenticator({ aaguid, attestation: "x5c" });
    const root = genuine.attestationRoot;
    const other = demanded(root, "00000000-0000-0000-0000-000000000001");
    expect(await verdict(party.register(genuine, other))).toEqual(refused("attestation_untrusted"));
    const bare: RegistrationPlay = { start: { attestation: "direct" } };
    expect(await verdict(party.register(genuine, bare))).toEqual(refused("attestation_untrusted"));
    const overrides = { aaguid: "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", attestation: "none" as const };
    expect(
      await verdict(party.register(genuine, { ...demanded(root, overrides.aaguid), overrides })),
    ).toEqual(refused("attestation_untrusted"));
  });

  test("SEC-31 is not met by a chain that brings its own root", async () => {
    const genuine = new SoftwareAuthenticator({ aaguid, attestation: "x5c" });
    const forger = new SoftwareAuthenticator({ aaguid, attestation: "x5c" });
    const der = Buffer.from(forger.attestationRoot.replace(/-----.*-----|\s/g, ""), "base64");
    const statement = (given: Map<string, Cbor>) => given.set("x5c", [...(given.get("x5c") as Cbor[]), der]);
    const play = { ...demanded(genuine.attestationRoot), overrides: { statement } };
    expect(await verdict(party.register(forger, play))).toEqual(refused("attestation_untrusted"));
    const own = { ...demanded(forger.attestationRoot), overrides: {} };
    await expect(party.register(forger, own)).resolves.toBeDefined();
  });

  test("SEC-32 a certificate for another model is refused", async () => {
    const forger = new SoftwareAuthenticator({ attestation: "x5c" });
    const data = (bytes: Buffer) =>
      Buffer.concat([bytes.subarray(0, 37), Buffer.alloc(16, 9), bytes.subarray(53)]);
    expect(await verdict(party.register(forger, { overrides: { authenticatorData: data } }))).toEqual(
      refused("verification_failed"),
    );
    await expect(party.register(forger)).resolves.toBeDefined();
  });
});

test("a refusal is told to the listener, with its reason", async () => {
  await verdict(party.register(authenticator, { overrides: { id: "AAAA" } }));
  expect(party.events).toEqual([
    {
      id: expect.any(String),
      type: "ceremony.refused",
      at: party.now,
      subject: "AAAA",
      detail: { purpose: "registration", action: "sign-up", reason: "credential_id_mismatch" },
    },
  ]);
});

test("a registration costs a read and a commit", async () => {
  const response = authenticator.create(await party.startRegistration(), ORIGIN);
  const calls: string[] = [];
  await party.finishRegistration(response, { finish: { store: observed(opened.store, calls) } });
  expect(calls).toEqual(["read", "commit"]);
});
