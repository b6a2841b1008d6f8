/**
 * A host's configuration with ours in it. A pure merge: what the host has said stays as it was said, and where both say
 * something that cannot both be true, nobody guesses.
 */
import type { Configuration } from "oidc-provider";
import type { contribution } from "../oidc/contribution.ts";
import type { HostSession } from "../oidc/sessions.ts";

type Ours = ReturnType<typeof contribution>;

/** What `new Provider()` gets. @throws TypeError that names both sides and the remedy */
export function merge(host: Configuration, ours: Ours): Configuration {
  refuseConflicts(host, ours);
  return {
    ...host,
    interactions: { ...host.interactions, ...ours.interactions },
    acrValues: union(host.acrValues, ours.acrValues),
    claims: { ...host.claims, openid: union(namesOf(host.claims?.openid), ours.claims.openid) },
    discovery: { ...ours.discovery, ...host.discovery },
    findAccount: ours.findAccount,
    loadExistingGrant: host.loadExistingGrant ?? ours.loadExistingGrant,
    features: { ...host.features, devInteractions: { enabled: false } },
  };
}

function refuseConflicts(host: Configuration, { discovery }: Ours): void {
  const { interactions, features, findAccount } = host;
  if (interactions?.url) {
    throw conflict(
      "interactions.url",
      "the sign-in pages at /interaction/:uid",
      "remove it; a page of your own goes to GET /interaction/:uid, before the provider (keys.handlers.signIn)",
    );
  }
  if (interactions?.policy) {
    throw conflict(
      "interactions.policy",
      "the interaction policy of passkeys()",
      "remove it, and change ours with passkeys({ policy: (policy) => … })",
    );
  }
  if (findAccount) {
    throw conflict("findAccount", "passkeys({ accounts: { find } })", "move it to accounts.find");
  }
  if (features?.devInteractions?.enabled) {
    throw conflict("features.devInteractions", "the sign-in pages of passkeys()", "remove it");
  }
  const prompts = host.discovery?.prompt_values_supported;
  const missing = discovery.prompt_values_supported.filter(
    (name) => Array.isArray(prompts) && !prompts.includes(name),
  );
  if (missing.length > 0) {
    throw conflict(
      "discovery.prompt_values_supported",
      `the prompt ${missing.join(", ")} of passkeys()`,
      `add ${missing.join(", ")} to it, or remove it`,
    );
  }
}

function conflict(theirs: string, ours: string, remedy: string): TypeError {
  return new TypeError(`keys.configuration(): your ${theirs} and ${ours} exclude each other: ${remedy}`);
}

function union(theirs: Iterable<string> | undefined, ours: Iterable<string>): string[] {
  return [...new Set([...(theirs ?? []), ...ours])];
}

function namesOf(claims: NonNullable<Configuration["claims"]>[string] | undefined): readonly string[] {
  if (!claims) return [];
  return Array.isArray(claims) ? claims : Object.keys(claims);
}

/** Fourteen days, as the library has it (`ttl.Session`). */
const LIBRARY_SESSION = 14 * 24 * 60 * 60;

/** How this configuration keeps sessions. */
export function sessionOf({ cookies, ttl }: Configuration): HostSession {
  // The library takes these two out as well: how long a cookie lives is for the session to say.
  const { maxAge: _, expires: __, ...cookie } = (cookies?.long ?? {}) as Record<string, unknown>;
  const lives = ttl?.Session ?? LIBRARY_SESSION;
  return {
    cookie: { httpOnly: true, sameSite: "lax", ...cookie },
    seconds: (ctx, session) => (typeof lives === "number" ? lives : lives(ctx as never, session)),
  };
}

/**
 * The secrets of a host that named none: from its cookie keys, newest first, as they rotate.
 *
 * @throws TypeError when there are none to be seen
 */
export function cookieSecrets({ cookies }: Configuration): string[] {
  const keys: unknown = cookies?.keys;
  const texts = Array.isArray(keys) ? keys.filter((key) => typeof key === "string" && key !== "") : [];
  if (texts.length > 0) return texts;
  throw new TypeError(
    "keys.configuration(): there is neither a secret in passkeys() nor a text in cookies.keys; " +
      "unsigned cookies can be forged: set cookies.keys, or pass passkeys({ secret })",
  );
}
