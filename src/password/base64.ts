/** The alphabets of sixty-four letters that password hashes are written in, each read strictly. */

/** RFC 4648 without padding, as PHC strings have it; also with `.` for `+`, as passlib's older schemes do. */
export function fromB64(text: string): Buffer | undefined {
  const plain = text.replaceAll(".", "+");
  if (!/^[A-Za-z0-9+/]*$/.test(plain) || plain.length % 4 === 1) return undefined;
  const bytes = Buffer.from(plain, "base64");
  return toB64(bytes) === plain ? bytes : undefined;
}

/** RFC 4648 with its padding, or without. */
export function fromPadded(text: string): Buffer | undefined {
  if (!/^[^=]*={0,2}$/.test(text) || text.includes(".")) return undefined;
  return fromB64(text.replace(/=+$/, ""));
}

export function toB64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replace(/=+$/, "");
}

const H64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** A number in the digits of crypt(3), the lowest first. */
export function numberFromH64(text: string): number | undefined {
  const digits = [...text].map((letter) => H64.indexOf(letter));
  if (digits.includes(-1)) return undefined;
  return digits.reduce((sum, digit, place) => sum + digit * 64 ** place, 0);
}

/** Bytes in the digits of crypt(3): groups of three bytes, the lowest bits first. */
export function bytesFromH64(text: string): Buffer | undefined {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at += 4) {
    const group = text.slice(at, at + 4);
    const number = numberFromH64(group);
    const length = Math.floor((group.length * 6) / 8);
    if (number === undefined || length === 0 || number >= 256 ** length) return undefined;
    for (let place = 0; place < length; place++) bytes.push(Math.floor(number / 256 ** place) % 256);
  }
  return Buffer.from(bytes);
}
