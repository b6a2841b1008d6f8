/** Texts that nobody can guess: tokens, challenges, versions. Keys are not made here. */
import { randomFillSync } from "node:crypto";

/** Random bytes are fetched in stock: each fetch is several calls into the system, and a sign-in wants a dozen texts. */
const stock = Buffer.alloc(4096);
let used = stock.length;

/**
 * So many random bytes as base64url. They are wiped when they are handed out: what is kept has not been given to anybody.
 *
 * @param bytes - at most 64
 */
export function randomText(bytes: number): string {
  if (used + bytes > stock.length) {
    randomFillSync(stock);
    used = 0;
  }
  const end = used + bytes;
  const text = stock.toString("base64url", used, end);
  stock.fill(0, used, end);
  used = end;
  return text;
}
