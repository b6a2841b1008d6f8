/**
 * What an account allowed an app. First-party apps belong to the operator and ask nobody; what was allowed to a
 * third-party app is remembered, so that it is asked once and not at every sign-in.
 */
import type { Client, Grant, KoaContextWithOIDC } from "oidc-provider";
import { type Clock, epoch } from "../clock.ts";
import { recordKind } from "../store/record.ts";
import type { Key, Store } from "../store/store.ts";
import type { UnitOfWork } from "../store/unit.ts";
import { type AccessDependencies, isOpenTo } from "./access.ts";
import { isFirstParty } from "./client/facts.ts";
import { grantSeconds } from "./lifetimes.ts";
import { consentClaims, type Requested } from "./scopes.ts";

export interface ConsentDependencies extends AccessDependencies {
  store: Store;
  unit: UnitOfWork;
  /** Whether an app is the operator's own and asks for no consent. Default: what its metadata says. */
  isFirstParty?: ((client: Client) => boolean) | undefined;
  /** `host`: the provider has a rule of its own for what is granted, and is asked instead of us. */
  grants?: "ours" | "host" | undefined;
}

/** What was allowed, and when. */
export interface Consent {
  scopes: string[];
  claims: string[];
  since: number;
}

/** More than anybody uses. */
const MOST_APPS = 1000;

const consentRecord = recordKind<Consent>("consent");

function idOf(accountId: string, clientId: string): string {
  return `${accountId}:${clientId}`;
}

/** True when everything requested was allowed to this app before. */
export async function isAllowed(
  d: ConsentDependencies,
  accountId: string,
  clientId: string,
  requested: Requested,
): Promise<boolean> {
  const stored = await d.unit.read<object>(consentRecord.key(idOf(accountId, clientId)));
  if (!stored) return false;
  const { scopes, claims } = consentRecord.decode(stored.value);
  return (
    requested.scopes.every((scope) => scopes.includes(scope)) &&
    requested.claims.every((claim) => claims.includes(claim))
  );
}

/** Remembers what was allowed, beside what was allowed before. */
export async function allow(
  d: ConsentDependencies,
  accountId: string,
  clientId: string,
  requested: Requested,
): Promise<void> {
  const id = idOf(accountId, clientId);
  const before = await consentRecord.read(d.store, id);
  const consent: Consent = {
    scopes: [...new Set([...(before?.value.scopes ?? []), ...requested.scopes])],
    claims: [...new Set([...(before?.value.claims ?? []), ...requested.claims])],
    since: before?.value.since ?? d.clock.now(),
  };
  d.unit.forget(consentRecord.key(id));
  // First where it can be found: what its owner cannot see he cannot take back.
  await d.store.join(consentsKey(accountId), clientId);
  await d.store.write(consentRecord.key(id), consentRecord.encode(consent));
}

/** The apps that an account has allowed something: an ordered set of client ids; the records are the truth. */
function consentsKey(accountId: string): Key {
  return `consents:${accountId}`;
}

/** Everything an account has allowed, by client id. */
export async function consentsOf(store: Store, accountId: string): Promise<Map<string, Consent>> {
  const clientIds = await store.members(consentsKey(accountId), { limit: MOST_APPS });
  const found = await Promise.all(
    clientIds.map(async (clientId) => {
      const consent = await consentRecord.read(store, idOf(accountId, clientId));
      return consent ? [[clientId, consent.value] as const] : [];
    }),
  );
  return new Map(found.flat());
}

/** Takes back what was allowed to an app: it has to ask again. */
export async function withdrawConsent(
  d: Pick<ConsentDependencies, "store" | "unit">,
  accountId: string,
  clientId: string,
): Promise<void> {
  const key = consentRecord.key(idOf(accountId, clientId));
  d.unit.forget(key);
  await d.store.remove(key, { durable: true });
  await d.store.leave(consentsKey(accountId), clientId);
}

/** Forgets everything that an account allowed. */
export async function forgetConsents(
  d: Pick<ConsentDependencies, "store" | "unit">,
  accountId: string,
): Promise<void> {
  for (const clientId of (await consentsOf(d.store, accountId)).keys()) {
    await withdrawConsent(d, accountId, clientId);
  }
}

/**
 * The grant of this account for this app, as the library asks for it at every authorization: the one of the session,
 * widened or renewed where it is the app's by right or by consent; otherwise none, and the library asks the person.
 */
export function existingGrant(
  d: ConsentDependencies,
): (ctx: KoaContextWithOIDC) => Promise<Grant | undefined> {
  return async (ctx) => {
    const { client, session, result, provider, account } = ctx.oidc;
    if (!client || !session?.accountId) return undefined;
    // Nothing is made, widened or renewed for who is about to be refused.
    if (account && !isOpenTo(d, client, account)) return undefined;
    const grantId =
      (result?.consent as { grantId?: string } | undefined)?.grantId ?? session.grantIdFor(client.clientId);
    const found = grantId ? await provider.Grant.find(grantId) : undefined;
    const grant = found?.accountId === session.accountId ? found : undefined;

    const requested = requestedOf(ctx);
    if (!(await isAllowedHere(d, ctx, requested))) return grant;
    const kept = grant ?? new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    if (widen(kept, requested) || isHalfSpent(kept, d.clock)) await renew(kept);
    return kept;
  };
}

async function isAllowedHere(
  d: ConsentDependencies,
  ctx: KoaContextWithOIDC,
  requested: Requested,
): Promise<boolean> {
  const { client, session, prompts } = ctx.oidc;
  if (!client || !session?.accountId) return false;
  if ((d.isFirstParty ?? isFirstParty)(client)) return true;
  // A third-party app that asks for the consent page gets it, whatever was allowed before.
  if (prompts.has("consent") && !ctx.oidc.result?.consent) return false;
  return isAllowed(d, session.accountId, client.clientId, requested);
}

function requestedOf({ oidc }: KoaContextWithOIDC): Requested {
  return { scopes: [...oidc.requestParamOIDCScopes], claims: consentClaims(oidc.requestParamClaims) };
}

/** Adds what is missing; true when anything was. */
function widen(grant: Grant, { scopes, claims }: Requested): boolean {
  const granted = new Set(grant.getOIDCScopeEncountered().split(" "));
  const known = new Set(grant.getOIDCClaimsEncountered());
  const missing = scopes.filter((scope) => !granted.has(scope));
  const unknown = claims.filter((claim) => !known.has(claim));
  if (missing.length > 0) grant.addOIDCScope(missing.join(" "));
  if (unknown.length > 0) grant.addOIDCClaims(unknown);
  return grant.jti === undefined || missing.length > 0 || unknown.length > 0;
}

/** A grant does not slide by itself; one in use must not end under a running session. */
function isHalfSpent(grant: Grant, clock: Clock): boolean {
  return (grant.exp ?? 0) - epoch(clock) < secondsOf(grant) / 2;
}

/** Without an end of its own a grant takes a whole new lifetime when it is saved. */
async function renew(grant: Grant): Promise<void> {
  delete (grant as { exp?: number }).exp;
  await grant.save();
}

function secondsOf(grant: Grant): number {
  return grantSeconds(grant.getOIDCScopeEncountered().split(" ").includes("offline_access"));
}
