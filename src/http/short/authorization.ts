/** `GET /auth` of a browser that nobody is signed in with, on the short way. */
import type { IncomingMessage } from "node:http";
import type { CookieKeys } from "../../oidc/cookie-keys.ts";
import { INTERACTION_SECONDS } from "../../oidc/lifetimes.ts";
import {
  type AuthorizationDependencies,
  keepRequest,
  ordinaryRequest,
} from "../../oidc/short/authorization.ts";
import { clientAddress } from "../entrance/address.ts";
import type { Admission } from "../entrance/limits.ts";
import type { Answer } from "./answer.ts";

export interface AskAuthorization extends AuthorizationDependencies {
  issuer: URL;
  trustProxy: number;
  cookieKeys: Pick<CookieKeys, "sign">;
  /** Counts new interactions, as the library's way does. */
  admit: Admission;
}

export async function askAuthorization(
  d: AskAuthorization,
  request: IncomingMessage,
  query: string,
): Promise<Answer | undefined> {
  if (request.headers.cookie?.includes(`${d.provider.cookieName("session")}=`)) return undefined;
  const params = await ordinaryRequest(d, query).catch(() => undefined);
  if (!params || !(await isAdmitted(d, request))) return undefined;
  const uid = await keepRequest(d, params);
  const location = `/interaction/${uid}`;
  const { provider } = d;
  const set = [
    ...cookie(d, provider.cookieName("interaction"), uid, location),
    ...cookie(d, provider.cookieName("resume"), uid, `/auth/${uid}`),
  ];
  const headers = [...set, "location", location, "content-type", "text/html; charset=utf-8"];
  return { status: 303, headers, body: `Redirecting to ${location}.` };
}

/** Above the rate it is refused on the long way. */
function isAdmitted({ admit, trustProxy }: AskAuthorization, request: IncomingMessage): Promise<boolean> {
  const { socket, headers } = request;
  const forwarded = String(headers["x-forwarded-for"] ?? "");
  const address = clientAddress(socket.remoteAddress ?? "", forwarded, trustProxy);
  return admit({ state: { address } }).then(
    () => true,
    () => false,
  );
}

/** A cookie and its signature, as the library sets them, in the form that a head is written in. */
function cookie(
  { issuer, cookieKeys }: AskAuthorization,
  name: string,
  value: string,
  path: string,
): string[] {
  const expires = new Date(Date.now() + INTERACTION_SECONDS * 1000).toUTCString();
  const secure = issuer.protocol === "https:" ? "; secure" : "";
  const attributes = `; path=${path}; expires=${expires}; samesite=lax${secure}; httponly`;
  const pair = `${name}=${value}`;
  return [
    ...["set-cookie", `${pair}${attributes}`],
    ...["set-cookie", `${name}.sig=${cookieKeys.sign(pair)}${attributes}`],
  ];
}
