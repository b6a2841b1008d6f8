/** The browser's session with us, for our own pages: the library's own session, so that apps are signed in too. */
import type { Context } from "koa";
import type { CookiesSetOptions, default as Provider, Session } from "oidc-provider";
import type { Clock } from "../clock.ts";
import type { Assurance } from "./assurance.ts";
import type { LogoutClient } from "./backchannel.ts";
import { sessionSeconds } from "./lifetimes.ts";

export interface SessionDependencies {
  provider: Provider;
  issuer: URL;
  clock: Clock;
  /** How a host's provider keeps its sessions. */
  hostSession?: HostSession | undefined;
}

export interface HostSession {
  cookie: CookiesSetOptions;
  /** Seconds that a session lives. */
  seconds(ctx: Context, session: Session): number;
}

/** The session of this browser; `accountId` is undefined when nobody is signed in. */
export function currentSession({ provider }: SessionDependencies, ctx: Context): Promise<Session> {
  return provider.Session.get(ctx as never);
}

/** The same, or nothing for a browser that brings no session at all, which most do that sign in. */
export async function presentSession(d: SessionDependencies, ctx: Context): Promise<Session | undefined> {
  const cookie = ctx.cookies.get(d.provider.cookieName("session"), { signed: false });
  return cookie === undefined ? undefined : currentSession(d, ctx);
}

/**
 * Signs an account in without an app. Whoever was signed in before is signed out. Nothing of a session that was not
 * this account's goes on, least of all its id: somebody may have planted it in this browser (session fixation).
 */
export async function signIn(
  d: SessionDependencies,
  ctx: Context,
  accountId: string,
  { acr, amr, at = d.clock.now() }: Assurance & { at?: number | undefined },
): Promise<void> {
  let session = await currentSession(d, ctx);
  if (session.accountId === accountId) {
    session.resetIdentifier();
  } else {
    await endSession(d, ctx, session);
    session = new d.provider.Session();
  }
  const loginTs = Math.floor(at / 1000);
  session.loginAccount({ accountId, acr, amr, loginTs });
  const seconds = d.hostSession?.seconds(ctx, session) ?? sessionSeconds(d.clock, loginTs);
  await session.save(seconds);
  ctx.cookies.set(d.provider.cookieName("session"), session.jti, {
    ...attributes(d),
    maxAge: seconds * 1000,
  });
}

/** Ends the session of this browser and everything that hangs on it. */
export async function signOut(d: SessionDependencies, ctx: Context): Promise<void> {
  await endSession(d, ctx, await currentSession(d, ctx));
}

/**
 * Ends a session: its apps are told (back-channel logout), its grants end unless they were given for offline access,
 * and its cookie goes.
 */
export async function endSession(d: SessionDependencies, ctx: Context, session: Session): Promise<void> {
  if (session.accountId) {
    await endApps(d.provider, session as SignedIn);
    await session.destroy();
  }
  ctx.cookies.set(d.provider.cookieName("session"), null, attributes(d));
}

type AppAuthorization = NonNullable<Session["authorizations"]>[string];

/** What of a session its apps hang on. */
export type SignedIn = Pick<Session, "authorizations"> & { accountId: string };

/**
 * Ends what apps were given in a session, and tells them.
 *
 * @param which `online`: what was given for offline access stays; `all`: nothing does
 */
export async function endApps(
  provider: Provider,
  session: SignedIn,
  which: "online" | "all" = "online",
): Promise<void> {
  const apps = Object.entries(session.authorizations ?? {});
  await Promise.all(apps.map(([clientId, app]) => endApp(provider, session, [clientId, app], which)));
}

/** The same for one app. */
export async function endApp(
  provider: Provider,
  { accountId }: SignedIn,
  [clientId, app]: [string, AppAuthorization],
  which: "online" | "all",
): Promise<void> {
  const ends = app.grantId && (which === "all" || !app.persistsLogout);
  const revoked = ends ? provider.Grant.find(app.grantId as string) : undefined;
  const [client, grant] = await Promise.all([provider.Client.find(clientId).catch(() => undefined), revoked]);
  await grant?.destroy();
  if (!client?.backchannelLogoutUri) return;
  // An app that cannot be reached keeps nobody signed in here.
  await (client as LogoutClient).backchannelLogout(accountId, app.sid).catch((error: unknown) => {
    provider.emit("backchannel.error", undefined as never, error as Error, client, accountId, app.sid ?? "");
  });
}

function attributes({ issuer, hostSession }: SessionDependencies): CookiesSetOptions {
  if (hostSession) return { ...hostSession.cookie, signed: true, overwrite: true };
  return {
    signed: true,
    httpOnly: true,
    sameSite: "lax",
    secure: issuer.protocol === "https:",
    overwrite: true,
  };
}
