/** The key space of the embedded store: one letter says what a key is, and bytes sort as they should. */

export const recordKey = (key: string) => Buffer.from(`r${key}`);
export const counterKey = (key: string) => Buffer.from(`c${key}`);

/** Members of one set stand together, in byte order; the length keeps the sets `a:b` and `a:bc` apart. */
export const memberKey = (set: string, member = "") => within("m", set, Buffer.from(member));

/** Log entries stand in the order of their numbers. */
export const entryKey = (log: string, number: number) => within("l", log, uint64(number));
export const entryPrefix = (log: string) => within("l", log, Buffer.alloc(0));
export const numberOf = (entry: Buffer) => Number(entry.readBigUInt64BE(entry.length - 8));

/** The set or log that a member or an entry belongs to, and what follows. */
export function innerOf(key: Buffer): { name: string; inner: Buffer } {
  const end = 3 + key.readUInt16BE(1);
  return { name: key.toString("utf8", 3, end), inner: key.subarray(end) };
}

/** Says that an event is in the log already. */
export const markerKey = (log: string, digest: Buffer) => within("k", log, digest);

/** Expiries stand in the order of time, each followed by the key it is about. */
export const expiryKey = (expires: number, key: Buffer) => Buffer.concat([EXPIRY, uint64(expires), key]);
export const expiring = (expiry: Buffer) => expiry.subarray(EXPIRY.length + 8);
export const EXPIRY = Buffer.from("e");

/** What a key is called behind its prefix. */
export const behind = (key: Buffer, prefix: Buffer) => key.subarray(prefix.length).toString();

/** The first key after `key`. */
export const following = (key: Buffer) => Buffer.concat([key, Buffer.of(0)]);

/** After every key with this prefix: neither UTF-8 nor our numbers begin with the byte 0xFF. */
export const endOf = (prefix: Buffer) => Buffer.concat([prefix, Buffer.of(0xff)]);

function within(letter: string, name: string, rest: Buffer): Buffer {
  const bytes = Buffer.from(name);
  const head = Buffer.alloc(3, letter);
  head.writeUInt16BE(bytes.length, 1);
  return Buffer.concat([head, bytes, rest]);
}

function uint64(number: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes;
}
