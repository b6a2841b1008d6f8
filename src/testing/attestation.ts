/** Attestation statements: `none`, and `packed` with the credential's own key or with a certificate. */
import { type Cbor, encodeCbor } from "./cbor.ts";
import type { Certificate } from "./certificate.ts";
import { type KeyPair, signWith } from "./key.ts";
import type { CreateOverrides } from "./overrides.ts";

/** What an attestation statement is made over and with. */
export interface AttestationInput {
  attestation: "none" | "self" | "x5c";
  authenticatorData: Uint8Array;
  clientDataHash: Uint8Array;
  key: KeyPair;
  certificate: () => Certificate;
}

/** The attestation object (WebAuthn Level 3, section 6.5.4). */
export function attestationObject(input: AttestationInput, overrides: CreateOverrides): Uint8Array {
  const statement = attestationStatement(input);
  const object = new Map<string, Cbor>([
    ["fmt", overrides.format ?? (input.attestation === "none" ? "none" : "packed")],
    ["attStmt", overrides.statement?.(statement) ?? statement],
    ["authData", input.authenticatorData],
  ]);
  const bytes = encodeCbor(object);
  return overrides.attestationObject?.(bytes) ?? bytes;
}

/** Section 8.2: `alg`, `sig`, and `x5c` where there is a certificate. */
function attestationStatement(input: AttestationInput): Map<string, Cbor> {
  if (input.attestation === "none") return new Map();
  const data = Buffer.concat([input.authenticatorData, input.clientDataHash]);
  if (input.attestation === "self") {
    return new Map<string, Cbor>([
      ["alg", input.key.algorithm],
      ["sig", signWith(input.key, data)],
    ]);
  }
  const { der, privateKey } = input.certificate();
  const sig = signWith({ algorithm: -7, privateKey }, data);
  return new Map<string, Cbor>([
    ["alg", -7],
    ["sig", sig],
    ["x5c", [der]],
  ]);
}
