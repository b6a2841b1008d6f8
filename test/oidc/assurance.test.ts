/** acr and amr as pure functions: the table, and what must hold for every request. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import type { Passkey } from "../../src/account/account.ts";
import {
  ACR_VALUES,
  demands,
  meets,
  PASSWORD,
  PHR,
  PHRH,
  passkeyAssurance,
  reachable,
  satisfies,
} from "../../src/oidc/assurance.ts";

const attestations: Passkey["attestation"][] = ["none", "self", "verified"] as Passkey["attestation"][];

describe("the assurance of a passkey", () => {
  it.each([
    ["none", false, PHR, ["pop", "user", "mfa"]],
    ["none", true, PHR, ["pop", "swk", "user", "mfa"]],
    ["self", false, PHR, ["pop", "user", "mfa"]],
    ["verified", false, PHRH, ["pop", "hwk", "user", "mfa"]],
    ["verified", true, PHR, ["pop", "swk", "user", "mfa"]],
  ])("attested %s, backup eligible %s: %s %j", (attestation, backupEligible, acr, amr) => {
    const passkey = { attestation: attestation as Passkey["attestation"], backupEligible };
    expect(passkeyAssurance(passkey)).toEqual({ acr, amr });
  });

  it("never claims hardware without a verified attestation, and never both kinds of key", () => {
    fc.assert(
      fc.property(fc.constantFrom(...attestations), fc.boolean(), (attestation, backupEligible) => {
        const { acr, amr } = passkeyAssurance({ attestation, backupEligible });
        const hardware = attestation === "verified" && !backupEligible;
        return (
          amr.includes("hwk") === hardware &&
          (acr === PHRH) === hardware &&
          !(amr.includes("hwk") && amr.includes("swk"))
        );
      }),
    );
  });
});

describe("what satisfies what", () => {
  it.each([
    [PHR, PHR, true],
    [PHRH, PHRH, true],
    [PHRH, PHR, true],
    [PHR, PHRH, false],
    [PASSWORD, PHR, false],
    [PHR, PASSWORD, false],
    [undefined, PHR, false],
    ["phrhh", PHRH, false],
  ])("%s for a wanted %s: %s", (acr, wanted, expected) => {
    expect(satisfies(acr, wanted)).toBe(expected);
  });
});

const claimsOf = (acr: unknown) => JSON.stringify({ id_token: { acr } });

describe("demands", () => {
  it.each([
    ["nothing", {}, []],
    ["acr_values", { acrValues: "phr  phrh" }, [{ values: ["phr", "phrh"], essential: false }]],
    ["defaults of the client", { defaultAcrValues: ["phr"] }, [{ values: ["phr"], essential: false }]],
    [
      "acr_values before the client's defaults",
      { acrValues: "phrh", defaultAcrValues: ["phr"] },
      [{ values: ["phrh"], essential: false }],
    ],
    [
      "an essential claim",
      { claims: claimsOf({ essential: true, value: "phr" }) },
      [{ values: ["phr"], essential: true }],
    ],
    ["a voluntary claim", { claims: claimsOf({ values: ["phr"] }) }, [{ values: ["phr"], essential: false }]],
    ["an essential claim that names nothing", { claims: claimsOf({ essential: true }) }, []],
    ["a claim of null", { claims: claimsOf(null) }, []],
    ["a claim that is text", { claims: claimsOf("phr") }, []],
    [
      "values that are no text",
      { claims: claimsOf({ essential: true, values: [1, null, "phr"] }) },
      [{ values: ["phr"], essential: true }],
    ],
    ["claims that are no JSON", { claims: "{" }, []],
    ["claims that are a list", { claims: "[]" }, []],
  ])("of %s", (_title, request, expected) => {
    expect(demands(request)).toEqual(expected);
  });

  it("keep an essential claim whatever acr_values and defaults say beside it", () => {
    const word = fc.constantFrom(...ACR_VALUES, "urn:example", "gold");
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1 }),
        fc.array(word),
        fc.array(word),
        (values, asked, defaults) => {
          const found = demands({
            claims: claimsOf({ essential: true, values }),
            acrValues: asked.join(" "),
            defaultAcrValues: defaults,
          });
          expect(found[0]).toEqual({ values, essential: true });
          for (const acr of ACR_VALUES) {
            const met = found.every((demand) => meets(acr, demand));
            if (met) expect(values.some((value) => satisfies(acr, value))).toBe(true);
          }
        },
      ),
    );
  });

  it("that are voluntary and unknown ask for nothing; that are essential and unknown are never met", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ minLength: 1 }).filter((text) => !ACR_VALUES.includes(text)),
          { minLength: 1 },
        ),
        (values) => {
          expect(reachable({ values, essential: true })).toBe(false);
          for (const acr of [...ACR_VALUES, undefined]) {
            expect(meets(acr, { values, essential: false })).toBe(true);
            expect(meets(acr, { values, essential: true })).toBe(false);
          }
        },
      ),
    );
  });

  it("that are voluntary and known are met by what satisfies them only", () => {
    expect(meets(PHR, { values: [PHRH], essential: false })).toBe(false);
    expect(meets(PHRH, { values: [PHRH], essential: false })).toBe(true);
    expect(meets(PHR, { values: [PHRH, PHR], essential: true })).toBe(true);
  });
});
