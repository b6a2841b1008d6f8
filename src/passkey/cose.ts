/** COSE keys (RFC 9052, section 7), read strictly: a map of integers to integers and byte strings, and nothing else. */

/** Parameters by label: 1 is kty, 3 is alg, the negative ones are the key's own (RFC 9053, section 7; RFC 8230). */
export type CoseKey = ReadonlyMap<number, number | Buffer>;

/** @throws RangeError when the bytes are no such map, have a label twice, or go on behind it */
export function readCoseKey(bytes: Buffer): CoseKey {
  const key = new Map<number, number | Buffer>();
  const map = readHead(bytes, 0);
  if (map.major !== 5) throw new RangeError("a COSE key is a map");
  let at = map.end;
  for (let entry = 0; entry < map.argument; entry++) {
    const label = readItem(bytes, at);
    const value = readItem(bytes, label.end);
    if (typeof label.item !== "number" || key.has(label.item))
      throw new RangeError("not a label of a COSE key");
    key.set(label.item, value.item);
    at = value.end;
  }
  if (at !== bytes.length) throw new RangeError("something stands behind the COSE key");
  return key;
}

function readItem(bytes: Buffer, at: number): { item: number | Buffer; end: number } {
  const { major, argument, end } = readHead(bytes, at);
  if (major === 0) return { item: argument, end };
  if (major === 1) return { item: -1 - argument, end };
  if (major !== 2 || end + argument > bytes.length) throw new RangeError("not a parameter of a COSE key");
  return { item: bytes.subarray(end, end + argument), end: end + argument };
}

/** An initial byte and its argument (RFC 8949, section 3); no parameter of ours needs more than four bytes of it. */
function readHead(bytes: Buffer, at: number): { major: number; argument: number; end: number } {
  const initial = bytes.readUInt8(at);
  const [major, info] = [initial >> 5, initial & 0x1f];
  if (info < 24) return { major, argument: info, end: at + 1 };
  if (info > 26) throw new RangeError("too large for a COSE key");
  const length = 1 << (info - 24);
  return { major, argument: bytes.readUIntBE(at + 1, length), end: at + 1 + length };
}
