/** How long things live, in seconds. Everything that slides has an absolute end (ASVS 5.0, 7.3.2 and 10.4.8). */
import type { Configuration } from "oidc-provider";
import { type Clock, epoch } from "../clock.ts";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Interactions and challenges live as long as a page may stay open. */
export const INTERACTION_SECONDS = 30 * MINUTE;
export const ACCESS_TOKEN_SECONDS = HOUR;
export const ID_TOKEN_SECONDS = HOUR;
const SESSION_IDLE = 14 * DAY;
export const SESSION_ABSOLUTE = 30 * DAY;
const REFRESH_IDLE = 30 * DAY;
const REFRESH_ABSOLUTE = 180 * DAY;

/**
 * Seconds a session may still live: idle time, and never past its absolute end. One in which nobody has signed in
 * belongs to a page that is open; anybody can ask for as many as they like.
 */
export function sessionSeconds(clock: Clock, loginTs: number | undefined): number {
  if (loginTs === undefined) return INTERACTION_SECONDS;
  return Math.max(1, Math.min(SESSION_IDLE, loginTs + SESSION_ABSOLUTE - epoch(clock)));
}

/** Seconds a grant lives: as long as anything that may be issued under it. */
export function grantSeconds(offline: boolean): number {
  return offline ? REFRESH_ABSOLUTE : SESSION_ABSOLUTE;
}

export function lifetimes(clock: Clock): NonNullable<Configuration["ttl"]> {
  return {
    AccessToken: ACCESS_TOKEN_SECONDS,
    AuthorizationCode: MINUTE,
    ClientCredentials: 10 * MINUTE,
    DeviceCode: 10 * MINUTE,
    IdToken: ID_TOKEN_SECONDS,
    Interaction: INTERACTION_SECONDS,
    Grant: (_ctx, grant) => grantSeconds(/\boffline_access\b/.test(grant.getOIDCScopeEncountered())),
    Session: (_ctx, session) => sessionSeconds(clock, session.loginTs),
    RefreshToken: (_ctx, token) => {
      const started = (token as { iiat?: number }).iiat ?? epoch(clock);
      return Math.max(1, Math.min(REFRESH_IDLE, started + REFRESH_ABSOLUTE - epoch(clock)));
    },
  };
}
