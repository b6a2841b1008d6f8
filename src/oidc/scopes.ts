/** What apps may ask to know, in the two ways they may ask: by scope, and by single claims. */

/** The claims behind each scope (OpenID Connect Core, section 5.4; `groups` is ours). */
export const SCOPE_CLAIMS: Record<string, string[]> = {
  profile: ["name", "preferred_username"],
  email: ["email", "email_verified"],
  groups: ["groups"],
};

/** About the sign-in, not about the person; every app is told. */
const ABOUT_THE_SIGN_IN = new Set(["sub", "sid", "auth_time", "acr", "amr", "iss"]);

/** What a request asks for; `openid` is always among the scopes. */
export interface Requested {
  scopes: string[];
  /** Only those that need somebody's consent; see {@link consentClaims}. */
  claims: string[];
}

/** Of the claims of a request, each once, those that say something about the person. */
export function consentClaims(names: Iterable<string>): string[] {
  return [...new Set(names)].filter((name) => !ABOUT_THE_SIGN_IN.has(name));
}

/**
 * What the consent page names: the scopes, and those that single claims belong to; a claim without one, itself. What
 * is no name but a text is not repeated to the person: no provider has such a claim to give.
 */
export function namesOf({ scopes, claims }: Requested): string[] {
  const named = claims.filter((claim) => NAME.test(claim)).map((claim) => scopeOf(claim) ?? claim);
  return [...new Set([...scopes, ...named])];
}

const NAME = /^[\w:./#-]{1,64}$/;

function scopeOf(claim: string): string | undefined {
  return Object.entries(SCOPE_CLAIMS).find(([, claims]) => claims.includes(claim))?.[0];
}
