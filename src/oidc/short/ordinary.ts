/**
 * The short way: the two requests that programs make in every sign-in, answered without the library's chain of
 * middleware, which is what they cost most.
 *
 * It answers only what is ordinary in every respect, and says what the library would say. Whatever is out of the
 * ordinary, wrong or unknown (a member of a record that is not named here, a parameter, a header) is left to the
 * library, before anything was written; so no refusal is worded here, and a feature that somebody adds to the library's
 * records is never passed over. `test/oidc/short.test.ts` holds both ways against each other on the same requests.
 */
import type { Account, AdapterPayload, Client, FindAccount, default as Provider } from "oidc-provider";
import type { Clock } from "../../clock.ts";
import { fingerprint } from "../../store/record.ts";
import type { Store, Stored } from "../../store/store.ts";
import { SessionAdapter } from "../adapter/sessions.ts";

export interface ShortWayDependencies {
  provider: Provider;
  store: Store;
  clock: Clock;
  /** As the library is configured with: it alone says whose tokens are over. */
  findAccount: FindAccount;
}

/** What a code and an access token have in common, with nothing besides. */
export interface Issued {
  accountId: string;
  clientId: string;
  grantId: string;
  sessionUid: string;
  scope: string;
  sid?: string;
  exp: number;
}

const ISSUED = ["iat", "exp", "kind", "accountId", "clientId", "grantId", "sessionUid", "expiresWithSession"];
export const CODE: ReadonlySet<string> = new Set([
  ...[...ISSUED, "scope", "sid", "acr", "amr", "authTime", "nonce"],
  ...["codeChallenge", "codeChallengeMethod", "redirectUri"],
]);
export const ACCESS: ReadonlySet<string> = new Set([...ISSUED, "scope", "sid", "gty"]);
const GRANT: ReadonlySet<string> = new Set([
  ...["iat", "exp", "kind", "accountId", "clientId"],
  ...["openid", "rejected"],
]);

/** A record that is live, of this kind, and has no member but those named. */
export function isOrdinary(
  record: AdapterPayload | undefined,
  kind: string,
  members: ReadonlySet<string>,
  now: number,
): record is AdapterPayload & Issued {
  if (record?.kind !== kind || typeof record.exp !== "number" || record.exp <= now) return false;
  for (const member in record) if (!members.has(member)) return false;
  return true;
}

/** The record of a bearer value. */
export function recordOf(
  store: Store,
  kind: string,
  id: string,
): Promise<Stored<AdapterPayload> | undefined> {
  return store.read(`${kind}:${fingerprint(id)}`);
}

/** The account that something was issued for, asked for as the library asks, but for the app; see {@link isOpenTo}. */
export async function accountOf(
  { findAccount }: ShortWayDependencies,
  issued: AdapterPayload & Issued,
): Promise<Account | undefined> {
  return findAccount({} as never, issued.accountId, issued as never);
}

/**
 * What somebody allowed an app, as far as it covers `scope`; `undefined` unless all that it hangs on stands. What was
 * issued for offline access does not hang on the session.
 */
export async function standing(
  { store }: ShortWayDependencies,
  issued: AdapterPayload & Issued,
  now: number,
): Promise<string | undefined> {
  const bound = issued.expiresWithSession === true;
  const [session, grant] = await Promise.all([
    bound ? store.read<AdapterPayload>(SessionAdapter.bodyKey(issued.sessionUid)) : undefined,
    recordOf(store, "grant", issued.grantId),
  ]);
  if (bound && !isSessionOf(issued, session?.value, now)) return undefined;
  return grantedOf(issued, grant?.value, now);
}

function isSessionOf(issued: Issued, session: AdapterPayload | undefined, now: number): boolean {
  return (
    session?.kind === "Session" &&
    (session.exp ?? 0) > now &&
    session.accountId === issued.accountId &&
    session.authorizations?.[issued.clientId]?.grantId === issued.grantId
  );
}

function grantedOf(issued: Issued, grant: AdapterPayload | undefined, now: number): string | undefined {
  if (!isOrdinary(grant, "Grant", GRANT, now)) return undefined;
  if (grant.clientId !== issued.clientId || grant.accountId !== issued.accountId) return undefined;
  const { openid, rejected } = grant as { openid?: { scope?: unknown }; rejected?: object };
  if (typeof openid?.scope !== "string" || Object.keys(rejected ?? {}).length > 0) return undefined;
  const wanted = new Set(issued.scope.split(" "));
  const granted = openid.scope.split(" ").filter((scope) => wanted.has(scope));
  return granted.join(" ");
}

/** What the library knows of a client besides its published types. */
export type LibraryClient = Client & {
  compareClientSecret(given: string): boolean;
  [member: string]: unknown;
};

/** A client that has none of these asked for. */
export function isPlainClient(client: LibraryClient, members: readonly string[]): boolean {
  return members.every((member) => client[member] === undefined || client[member] === false);
}
