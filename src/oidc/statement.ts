/** Statements of this provider to whoever may doubt it: signed with the key that signs its ID tokens (JWS). */
import { CompactSign, compactVerify, importJWK } from "jose";
import { refuse } from "../errors.ts";
import type { SigningKey } from "./keys.ts";

/** Tells a statement from every token: nothing that takes tokens takes this type. */
const TYPE = "latchkey-statement+json";

/** The compact JWS over a statement as JSON. */
export async function signStatement([key]: readonly SigningKey[], statement: object): Promise<string> {
  if (!key) throw new TypeError("a provider has at least one signing key");
  return new CompactSign(Buffer.from(JSON.stringify(statement)))
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: TYPE })
    .sign(await importJWK(key, key.alg));
}

/** What was signed. @throws `report_invalid` unless one of our keys signed it as a statement */
export async function openStatement(keys: readonly SigningKey[], jws: string): Promise<unknown> {
  try {
    const { payload, protectedHeader } = await compactVerify(jws, async ({ kid, alg }) => {
      const key = keys.find((one) => one.kid === kid && one.alg === alg);
      if (!key) throw new Error("not a key of ours");
      const { d: _, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...open } = key;
      return importJWK(open, alg);
    });
    if (protectedHeader.typ !== TYPE) throw new Error("not a statement");
    return JSON.parse(Buffer.from(payload).toString());
  } catch (cause) {
    throw refuse("report_invalid", { cause });
  }
}
