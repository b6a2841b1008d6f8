/** `GET /me` on the short way. */
import type { IncomingMessage } from "node:http";
import { type UserinfoDependencies, userinfo } from "../../oidc/short/userinfo.ts";
import { type Answer, json } from "./answer.ts";

const BEARER = /^Bearer ([A-Za-z0-9_-]{43})$/;

export async function askUserinfo(
  d: UserinfoDependencies,
  { headers }: IncomingMessage,
  query: string,
): Promise<Answer | undefined> {
  const token = BEARER.exec(headers.authorization ?? "")?.[1];
  if (query !== "" || token === undefined || headers["content-length"] !== undefined) return undefined;
  // Nothing was written, so whatever failed may fail again, or not, on the long way.
  const claims = await userinfo(d, token).catch(() => undefined);
  return claims && json(200, claims);
}
