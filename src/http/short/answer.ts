/** What an answer on the short way is made of. */

export interface Answer {
  status: number;
  /** Names and values in turn, without those of every answer. */
  headers: readonly string[];
  body: string;
}

/** What the library lets any page read; a page that says where it is from goes the long way. */
const READABLE = [
  ...["vary", "Origin", "access-control-allow-origin", "*"],
  ...["access-control-expose-headers", "DPoP-Nonce,WWW-Authenticate"],
  ...["content-type", "application/json; charset=utf-8"],
];

/** What a program gets. */
export function json(status: number, body: object): Answer {
  return { status, headers: READABLE, body: JSON.stringify(body) };
}
