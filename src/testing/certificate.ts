/** An attestation authority and certificates of its authenticators, as DER (RFC 5280), for packed attestation. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

/** A certificate and the key it belongs to. */
export interface Certificate {
  der: Buffer;
  privateKey: KeyObject;
}

export interface Validity {
  from: Date;
  until: Date;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const OCTETS = 0x04;
const ECDSA_WITH_SHA256 = der(SEQUENCE, oid("2a8648ce3d040302"));
/** When a certificate that nobody looks at the dates of begins and ends. */
const LONG: Validity = { from: new Date("2020-01-01T00:00:00Z"), until: new Date("2099-12-31T23:59:59Z") };
const AUTHORITY = name([
  ["550406", "XX"],
  ["55040a", "Latchkey tests"],
  ["550403", "Attestation root"],
]);

/** A self-signed attestation root. */
export function attestationAuthority(validity = LONG): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const extensions = [basicConstraints(true), keyIdentifier(publicKey)];
  return { der: certificate(AUTHORITY, publicKey, extensions, privateKey, validity), privateKey };
}

/** A certificate as WebAuthn Level 3, section 8.2.1 asks for it, naming the AAGUID. */
export function attestationCertificate(authority: Certificate, aaguid: Buffer): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = name([
    ["550406", "XX"],
    ["55040a", "Latchkey tests"],
    ["55040b", "Authenticator Attestation"],
    ["550403", "Software authenticator"],
  ]);
  const extensions = [basicConstraints(false), aaguidExtension(aaguid)];
  return { der: certificate(subject, publicKey, extensions, authority.privateKey), privateKey };
}

/** A certificate of a server with this name, for TLS. */
export function serverCertificate(authority: Certificate, hostname: string, validity = LONG): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = name([["550403", hostname]]);
  const extensions = [basicConstraints(false), alternativeName(hostname)];
  return { der: certificate(subject, publicKey, extensions, authority.privateKey, validity), privateKey };
}

/** PEM of a certificate. */
export function toPem(certificate: Buffer): string {
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function certificate(
  subject: Buffer,
  key: KeyObject,
  extensions: Buffer[],
  issuerKey: KeyObject,
  { from, until } = LONG,
): Buffer {
  const version3 = der(0xa0, der(2, Buffer.of(2)));
  const serial = der(2, Buffer.concat([Buffer.of(0x40), randomBytes(15)]));
  const publicKey = key.export({ type: "spki", format: "der" });
  const optional = der(0xa3, der(SEQUENCE, ...extensions));
  const body = der(
    SEQUENCE,
    version3,
    serial,
    ECDSA_WITH_SHA256,
    AUTHORITY,
    der(SEQUENCE, time(from), time(until)),
    subject,
    publicKey,
    optional,
  );
  return der(SEQUENCE, body, ECDSA_WITH_SHA256, bits(sign("sha256", body, issuerKey)));
}

function basicConstraints(authority: boolean): Buffer {
  const value = authority ? der(SEQUENCE, der(1, Buffer.of(0xff))) : der(SEQUENCE);
  return der(SEQUENCE, oid("551d13"), der(1, Buffer.of(0xff)), der(OCTETS, value));
}

function keyIdentifier(key: KeyObject): Buffer {
  const digest = createHash("sha1")
    .update(key.export({ type: "spki", format: "der" }))
    .digest();
  return der(SEQUENCE, oid("551d0e"), der(OCTETS, der(OCTETS, digest)));
}

/** RFC 5280, section 4.2.1.6. */
function alternativeName(hostname: string): Buffer {
  return der(SEQUENCE, oid("551d11"), der(OCTETS, der(SEQUENCE, der(0x82, text(hostname)))));
}

/** id-fido-gen-ce-aaguid, 1.3.6.1.4.1.45724.1.1.4. */
function aaguidExtension(aaguid: Buffer): Buffer {
  return der(SEQUENCE, oid("2b0601040182e51c010104"), der(OCTETS, der(OCTETS, aaguid)));
}

function name(parts: [type: string, value: string][]): Buffer {
  // A country is a PrintableString, the rest may be UTF-8.
  const attribute = ([type, value]: [string, string]) =>
    der(SET, der(SEQUENCE, oid(type), der(type === "550406" ? 0x13 : 0x0c, text(value))));
  return der(SEQUENCE, ...parts.map(attribute));
}

/** GeneralizedTime, in whole seconds. */
function time(at: Date): Buffer {
  return der(0x18, text(`${at.toISOString().replace(/[-:T]|\..*/g, "")}Z`));
}

function oid(hex: string): Buffer {
  return der(6, Buffer.from(hex, "hex"));
}

function bits(bytes: Buffer): Buffer {
  return der(3, Buffer.of(0), bytes);
}

function text(value: string): Buffer {
  return Buffer.from(value);
}

function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), body]);
  if (length < 0x100) return Buffer.concat([Buffer.of(tag, 0x81, length), body]);
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), body]);
}
