/** Other shapes of an ECDSA signature over P-256, for tests of what a relying party accepts. */

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** Reads `SEQUENCE { INTEGER r, INTEGER s }`; both are short enough for one-byte lengths. */
function readDer(signature: Uint8Array): [r: bigint, s: bigint] {
  const rEnd = 4 + (signature[3] ?? 0);
  return [toInteger(signature.subarray(4, rEnd)), toInteger(signature.subarray(rEnd + 2))];
}

function toInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex") || "0"}`);
}

function fixed(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, "0"), "hex");
}

/** Two integers as the DER of an ECDSA signature. */
export function ecdsaDer(r: bigint, s: bigint): Buffer {
  const body = Buffer.concat([derInteger(r), derInteger(s)]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

function derInteger(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 ? `0${hex}` : hex, "hex");
  const positive = (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
  return Buffer.concat([Buffer.of(2, positive.length), positive]);
}

/** The other valid signature over the same data: `(r, n - s)`, brought to the upper half. */
export function highS(signature: Uint8Array): Buffer {
  const [r, s] = readDer(signature);
  return ecdsaDer(r, s > ORDER / 2n ? s : ORDER - s);
}

/** `r ‖ s`, the form of JOSE and WebCrypto, which WebAuthn does not use. */
export function rawSignature(signature: Uint8Array): Buffer {
  return Buffer.concat(readDer(signature).map(fixed));
}

/** The signature with one bit of its last byte turned. */
export function spoiled(signature: Uint8Array): Buffer {
  const copy = Buffer.from(signature);
  copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1;
  return copy;
}
