/** The few kinds of CBOR (RFC 8949) an authenticator writes, in the canonical form of CTAP2. */
export type Cbor =
  | number
  | string
  | boolean
  | Uint8Array
  | readonly Cbor[]
  | ReadonlyMap<number | string, Cbor>;

/** Encodes a value; map entries keep the order they were given in, so that a test can break the canonical one. */
export function encodeCbor(value: Cbor): Buffer {
  if (typeof value === "number") return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === "boolean") return Buffer.of(value ? 0xf5 : 0xf4);
  if (typeof value === "string") return withHead(3, Buffer.from(value));
  if (value instanceof Uint8Array) return withHead(2, value);
  if (value instanceof Map) return encodeMap(value);
  const items = value as readonly Cbor[];
  return Buffer.concat([head(4, items.length), ...items.map(encodeCbor)]);
}

function encodeMap(map: ReadonlyMap<number | string, Cbor>): Buffer {
  const entries = [...map].flatMap(([key, value]) => [encodeCbor(key), encodeCbor(value)]);
  return Buffer.concat([head(5, map.size), ...entries]);
}

function withHead(major: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([head(major, bytes.length), bytes]);
}

/** The initial byte and the argument, in the shortest form (RFC 8949, section 3). */
function head(major: number, argument: number): Buffer {
  const type = major << 5;
  if (argument < 24) return Buffer.of(type | argument);
  if (argument < 0x100) return Buffer.of(type | 24, argument);
  if (argument < 0x10000) return Buffer.of(type | 25, argument >> 8, argument & 0xff);
  const long = Buffer.alloc(5);
  long[0] = type | 26;
  long.writeUInt32BE(argument, 1);
  return long;
}
