/**
 * Whether bytes are exactly one item of the CBOR that WebAuthn uses: definite lengths, integers, strings, arrays, maps
 * and booleans, nothing behind it. The library's decoder is more forgiving: it takes tags and floats, cuts a string
 * short where the bytes end, and does not look behind the first item.
 */

/** Attestation objects are three levels deep; extension outputs may add some. */
const DEPTH = 8;

export function isOneCborItem(bytes: Uint8Array): boolean {
  return itemEnd(bytes, 0, DEPTH) === bytes.length;
}

/** Where the item that starts at `at` ends; `undefined` when it is none of ours. */
function itemEnd(bytes: Uint8Array, at: number, depth: number): number | undefined {
  const initial = bytes[at];
  if (initial === undefined || depth === 0) return undefined;
  const major = initial >> 5;
  if (major === 7) return initial === 0xf4 || initial === 0xf5 ? at + 1 : undefined;
  const head = readHead(bytes, at);
  if (!head) return undefined;
  const [argument, end] = head;
  if (major < 2) return end;
  if (major < 4) return end + argument <= bytes.length ? end + argument : undefined;
  if (major > 5) return undefined;
  return itemsEnd(bytes, end, major === 5 ? 2 * argument : argument, depth - 1);
}

/** The end of a run of items; a promised item that is not there ends the walk, so a huge count costs nothing. */
function itemsEnd(bytes: Uint8Array, start: number, count: number, depth: number): number | undefined {
  let at: number | undefined = start;
  for (let item = 0; item < count && at !== undefined; item++) at = itemEnd(bytes, at, depth);
  return at;
}

/** The argument of an initial byte and where it ends (RFC 8949, section 3); 64-bit and indefinite ones are not ours. */
function readHead(bytes: Uint8Array, at: number): [argument: number, end: number] | undefined {
  const info = (bytes[at] ?? 0) & 0x1f;
  if (info < 24) return [info, at + 1];
  if (info > 26) return undefined;
  const length = 1 << (info - 24);
  const end = at + 1 + length;
  return end > bytes.length
    ? undefined
    : [Buffer.from(bytes.subarray(at + 1, end)).readUIntBE(0, length), end];
}
