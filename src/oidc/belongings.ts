/**
 * What an account has open with us: sessions, and apps that may act for it. Each is found by a hint and read from its
 * own record, which is the truth.
 */
import type Provider from "oidc-provider";
import type { Account } from "../account/account.ts";
import { isOver } from "../account/sessions.ts";
import type { Store } from "../store/store.ts";
import type { UnitOfWork } from "../store/unit.ts";
import { type Body, SessionAdapter, sessionsKey } from "./adapter/sessions.ts";
import { grantsKey } from "./adapter.ts";
import { consentsOf, withdrawConsent } from "./consent.ts";
import { endApp, endApps, type SignedIn } from "./sessions.ts";

export interface BelongingsDependencies {
  provider: Provider;
  store: Store;
  unit: UnitOfWork;
}

/** A session, as its owner sees it. Times are seconds since the epoch. */
export interface OpenSession {
  uid: string;
  began: number;
  seen: number;
  /** `User-Agent` of its sign-in. */
  agent?: string;
}

/** An app that was given something. */
export interface ConnectedApp {
  clientId: string;
  scopes: string[];
  /** Milliseconds since the epoch. */
  since?: number;
}

type Open = Body & SignedIn & { uid: string };

async function bodiesOf({ store }: BelongingsDependencies, account: Account): Promise<Open[]> {
  const uids = await store.members(sessionsKey(account.id));
  const found = await Promise.all(uids.map((uid) => store.read<Body>(SessionAdapter.bodyKey(uid))));
  return found
    .map((stored) => stored?.value as Open | undefined)
    .filter((body) => body !== undefined)
    .filter(({ accountId }) => accountId === account.id);
}

/** The sessions of an account, the one that was used last first. */
export async function sessionsOf(d: BelongingsDependencies, account: Account): Promise<OpenSession[]> {
  const bodies = await bodiesOf(d, account);
  return bodies
    .filter(({ loginTs }) => !isOver(account, loginTs as number))
    .map(({ uid, loginTs, seen, agent }) => {
      const began = (loginTs as number | undefined) ?? 0;
      return { uid, began, seen: seen ?? began, ...(agent === undefined ? {} : { agent }) };
    })
    .sort((a, b) => b.seen - a.seen);
}

/** Ends one session of an account, with everything apps were given in it. False when there is none of that name. */
export async function closeSession(
  d: BelongingsDependencies,
  account: Account,
  uid: string,
): Promise<boolean> {
  const body = (await bodiesOf(d, account)).find((open) => open.uid === uid);
  if (!body) return false;
  await close(d, body);
  return true;
}

/** Ends all sessions of an account but one. */
export async function closeOthers(d: BelongingsDependencies, account: Account, kept: string): Promise<void> {
  const bodies = await bodiesOf(d, account);
  await Promise.all(bodies.filter(({ uid }) => uid !== kept).map((body) => close(d, body)));
}

/** Tidies after everything an account had open was ended by its document, and tells the apps. */
export async function closeOver(d: BelongingsDependencies, account: Account): Promise<void> {
  const bodies = await bodiesOf(d, account);
  const over = bodies.filter(({ loginTs }) => isOver(account, loginTs as number));
  await Promise.all(over.map((body) => close(d, body)));
}

/** The body goes first and durably: from then on nobody is signed in by it, whatever becomes of the rest. */
async function close({ provider, store, unit }: BelongingsDependencies, body: Open): Promise<void> {
  const key = SessionAdapter.bodyKey(body.uid);
  unit.forget(key);
  await store.remove(key, { durable: true });
  await store.leave(sessionsKey(body.accountId), body.uid);
  await endApps(provider, body, "all");
}

/** The apps of an account: those it allowed something, and those that its sessions opened. */
export async function appsOf(d: BelongingsDependencies, account: Account): Promise<ConnectedApp[]> {
  const [consents, opened] = await Promise.all([consentsOf(d.store, account.id), openedApps(d, account)]);
  const allowed = [...consents].map(([clientId, { scopes, since }]) => ({ clientId, scopes, since }));
  return [...allowed, ...[...opened.values()].filter(({ clientId }) => !consents.has(clientId))];
}

async function openedApps(d: BelongingsDependencies, account: Account): Promise<Map<string, ConnectedApp>> {
  const bodies = await bodiesOf(d, account);
  const grants = await Promise.all(
    bodies
      .flatMap(({ authorizations = {} }) => Object.values(authorizations))
      .map(({ grantId }) => (grantId === undefined ? undefined : d.provider.Grant.find(grantId))),
  );
  const known = grants.filter((grant) => grant?.accountId === account.id && grant.clientId !== undefined);
  return new Map(
    known.map((grant) => {
      const clientId = grant?.clientId as string;
      const scopes = (grant?.getOIDCScope() ?? "").split(" ").filter(Boolean);
      const since = grant?.iat === undefined ? {} : { since: grant.iat * 1000 };
      return [clientId, { clientId, scopes, ...since }];
    }),
  );
}

/** Disconnects an app: what it was allowed and everything it was given goes, and it is told. */
export async function disconnectApp(
  d: BelongingsDependencies,
  account: Account,
  clientId: string,
): Promise<void> {
  // The consent first: whoever asks meanwhile is not given anew.
  await withdrawConsent(d, account.id, clientId);
  const bodies = await bodiesOf(d, account);
  await Promise.all([
    ...bodies.flatMap((body) => {
      const app = body.authorizations?.[clientId];
      return app ? [endApp(d.provider, body, [clientId, app], "all")] : [];
    }),
    endOffline(d, account.id, (granted) => granted === clientId),
  ]);
}

/** Everything an account has open ends, and its apps are told; what it once allowed them is remembered. */
export async function closeSessions(d: BelongingsDependencies, account: Account): Promise<void> {
  const bodies = await bodiesOf(d, account);
  await Promise.all(bodies.map((body) => close(d, body)));
  await endOffline(d, account.id, () => true);
}

/** The same, and nothing is remembered; for one that is going away. */
export async function closeEverything(d: BelongingsDependencies, account: Account): Promise<void> {
  await closeSessions(d, account);
  const consents = await consentsOf(d.store, account.id);
  await Promise.all([...consents.keys()].map((clientId) => withdrawConsent(d, account.id, clientId)));
}

async function endOffline(
  { store, unit }: BelongingsDependencies,
  accountId: string,
  wanted: (clientId: string) => boolean,
): Promise<void> {
  const set = grantsKey(accountId);
  const members = await store.members(set);
  const ending = members.filter((member) => wanted(member.slice(member.indexOf(" ") + 1)));
  await Promise.all(
    ending.map(async (member) => {
      const key = `grant:${member.slice(0, member.indexOf(" "))}` as const;
      unit.forget(key);
      await store.remove(key, { durable: true });
      await store.leave(set, member);
    }),
  );
}
