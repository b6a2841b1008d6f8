/**
 * The posted answers, taken apart strictly: what comes out has the right types, bounded lengths and one spelling.
 *
 * Only the members that are judged are read; whatever else a client sends (extension results, a second copy of the
 * public key) never gets further than this file.
 */
import { isUtf8 } from "node:buffer";
import { Refusal } from "./refusal.ts";

/**
 * Longest base64url texts; the whole body is bounded before. A credential id has at most 1023 bytes (section 7.1), and
 * the one that is attested has to be the one that is answered.
 */
const LIMITS = {
  id: 1364,
  clientData: 8192,
  authenticatorData: 4096,
  signature: 1400,
  attestation: 16384,
  handle: 86,
};

/** Collected client data (WebAuthn Level 3, section 5.8.1), members as the client wrote them. */
export interface ClientData {
  type: unknown;
  challenge: string;
  origin: unknown;
  crossOrigin: unknown;
  topOrigin: unknown;
}

/** What both answers have in common. */
interface Answer {
  /** Credential id, base64url. */
  id: string;
  /** The client data as posted, base64url. */
  clientDataJSON: string;
  clientData: ClientData;
}

/** The answer to an authentication. Binary members are base64url. */
export interface AssertionAnswer extends Answer {
  authenticatorData: string;
  signature: string;
  userHandle: string | undefined;
  /** What the client says of where the authenticator is (section 5.4.5), which nobody signs. */
  attachment: unknown;
}

/** The answer to a registration. */
export interface AttestationAnswer extends Answer {
  attestationObject: string;
  transports: string[];
}

/** Transports we keep (WebAuthn Level 3, section 5.8.4); anything else is dropped. */
const TRANSPORTS = new Set(["ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"]);

/** @throws Refusal `malformed` */
export function readAssertion(response: unknown): AssertionAnswer {
  const { answer, inner, outer } = readAnswer(response);
  return {
    ...answer,
    attachment: outer.authenticatorAttachment,
    authenticatorData: base64url(inner.authenticatorData, LIMITS.authenticatorData),
    signature: base64url(inner.signature, LIMITS.signature),
    // Some clients write null for "none".
    userHandle: inner.userHandle == null ? undefined : base64url(inner.userHandle, LIMITS.handle),
  };
}

/** @throws Refusal `malformed` */
export function readAttestation(response: unknown): AttestationAnswer {
  const { answer, inner } = readAnswer(response);
  return {
    ...answer,
    attestationObject: base64url(inner.attestationObject, LIMITS.attestation),
    transports: readTransports(inner.transports),
  };
}

function readAnswer(response: unknown) {
  const outer = object(response);
  if (outer.type !== "public-key") throw new Refusal("malformed");
  const id = base64url(outer.id, LIMITS.id);
  if (outer.rawId !== id) throw new Refusal("malformed");
  const inner = object(outer.response);
  const clientDataJSON = base64url(inner.clientDataJSON, LIMITS.clientData);
  const answer: Answer = { id, clientDataJSON, clientData: readClientData(clientDataJSON) };
  return { answer, inner, outer };
}

function readClientData(clientDataJSON: string): ClientData {
  const bytes = Buffer.from(clientDataJSON, "base64url");
  if (!isUtf8(bytes)) throw new Refusal("malformed");
  const { type, challenge, origin, crossOrigin, topOrigin } = object(parseJson(bytes));
  if (typeof challenge !== "string") throw new Refusal("malformed");
  return { type, challenge, origin, crossOrigin, topOrigin };
}

/** UTF-8 decode strips a byte order mark (section 7.2, step 8). */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new Refusal("malformed", error);
  }
}

function readTransports(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return [...TRANSPORTS].filter((transport) => value.includes(transport));
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Refusal("malformed");
  return value as Record<string, unknown>;
}

/** Base64url without padding in its one spelling, so that two texts are equal exactly when the bytes are. */
function base64url(value: unknown, limit: number): string {
  if (typeof value !== "string" || value.length === 0 || value.length > limit) throw new Refusal("malformed");
  if (Buffer.from(value, "base64url").toString("base64url") !== value) throw new Refusal("malformed");
  return value;
}
