/**
 * Strings that Redis compresses in its dumps (LZF). A dump is not read by its grammar, which every version adds to:
 * wherever bytes could begin a compressed string, it is expanded, and what does not come out right was none.
 */

/** The mark of a compressed string, and lengths in 6, 14 or 32 bits (RDB format). */
const COMPRESSED = 0xc3;
const LONGEST = 1024 * 1024;

/** Every string in the bytes that expands to exactly the length that it gives. */
export function* expandedIn(bytes: Buffer): Generator<{ at: number; text: Buffer }> {
  for (let at = bytes.indexOf(COMPRESSED); at >= 0; at = bytes.indexOf(COMPRESSED, at + 1)) {
    const packed = lengthAt(bytes, at + 1);
    const plain = packed && lengthAt(bytes, packed.end);
    if (!packed || !plain || packed.value >= plain.value || plain.value > LONGEST) continue;
    const end = plain.end + packed.value;
    if (end > bytes.length) continue;
    const text = expand(bytes.subarray(plain.end, end), plain.value);
    if (text) yield { at, text };
  }
}

function lengthAt(bytes: Buffer, at: number): { value: number; end: number } | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  if (first < 0x40) return { value: first, end: at + 1 };
  if (first < 0x80) {
    const second = bytes[at + 1];
    return second === undefined ? undefined : { value: ((first & 0x3f) << 8) | second, end: at + 2 };
  }
  return first === 0x80 && at + 5 <= bytes.length
    ? { value: bytes.readUInt32BE(at + 1), end: at + 5 }
    : undefined;
}

/** LZF: runs of literals, and copies of what came before. */
function expand(packed: Buffer, length: number): Buffer | undefined {
  const plain = Buffer.alloc(length);
  let from = 0;
  let to = 0;
  while (from < packed.length) {
    const control = packed[from++] as number;
    if (control < 32) {
      const count = control + 1;
      if (from + count > packed.length || to + count > length) return undefined;
      packed.copy(plain, to, from, from + count);
      from += count;
      to += count;
      continue;
    }
    let count = control >> 5;
    if (count === 7) count += packed[from++] ?? 0;
    const back = ((control & 0x1f) << 8) + (packed[from++] ?? 0) + 1;
    count += 2;
    if (to - back < 0 || to + count > length) return undefined;
    for (let n = 0; n < count; n++, to++) plain[to] = plain[to - back] as number;
  }
  return to === length ? plain : undefined;
}
