/** The userinfo endpoint on the short way (OpenID Connect Core, section 5.3). */
import type { AccountClaims } from "oidc-provider";
import { epoch } from "../../clock.ts";
import { isOpenTo } from "../access.ts";
import {
  ACCESS,
  accountOf,
  isOrdinary,
  isPlainClient,
  type LibraryClient,
  recordOf,
  type ShortWayDependencies,
  standing,
} from "./ordinary.ts";

/** A client with one of these gets a JWT, or a subject of its own. */
const MEMBERS = ["userinfoSignedResponseAlg", "userinfoEncryptedResponseAlg"];

export interface UserinfoDependencies extends ShortWayDependencies {
  /** The claims that each scope opens, as the library is configured with. */
  claims: Readonly<Record<string, readonly string[]>>;
}

/** The claims that an access token opens, or `undefined`: the library's to answer. */
export async function userinfo(d: UserinfoDependencies, token: string): Promise<AccountClaims | undefined> {
  const now = epoch(d.clock);
  const access = (await recordOf(d.store, "access", token))?.value;
  if (!isOrdinary(access, "AccessToken", ACCESS, now)) return undefined;
  if (!access.scope?.split(" ").includes("openid")) return undefined;
  const [client, account, scope] = await Promise.all([
    d.provider.Client.find(access.clientId) as Promise<LibraryClient | undefined>,
    accountOf(d, access),
    standing(d, access, now),
  ]);
  if (!client || !account || scope === undefined || !isOpenTo({}, client, account)) return undefined;
  if (client.subjectType !== "public" || !isPlainClient(client, MEMBERS)) return undefined;
  const available = await account.claims("userinfo", scope, {}, []);
  return opened(d.claims, scope, { ...available, sub: account.accountId });
}

function opened(
  claims: UserinfoDependencies["claims"],
  scopes: string,
  available: AccountClaims,
): AccountClaims {
  const shown: AccountClaims = { sub: available.sub };
  for (const scope of scopes.split(" ")) {
    for (const claim of claims[scope] ?? []) if (claim in available) shown[claim] = available[claim];
  }
  return shown;
}
