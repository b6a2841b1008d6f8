/**
 * What passkeys bring to a provider, ours or a host's: where the pages are, when they are asked for, who the
 * accounts are, and what is true about a sign-in.
 */
import type { AccountClaims, Configuration, FindAccount, KoaContextWithOIDC } from "oidc-provider";
import type { Account } from "../account/account.ts";
import { accountRecord } from "../account/account.ts";
import { isOver } from "../account/sessions.ts";
import { isOpenTo } from "./access.ts";
import { ACR_VALUES } from "./assurance.ts";
import type { ConsentDependencies } from "./consent.ts";
import { existingGrant } from "./consent.ts";
import { policy } from "./policy.ts";

/** What a host's provider has in the place of ours. */
export interface ContributionOptions {
  /** Is asked before an interaction is kept, since anybody can ask for one; what it throws refuses the request. */
  admit?: (ctx: KoaContextWithOIDC) => Promise<void>;
  /** The path that the provider is mounted under; empty at the root. */
  baseOf?: (ctx: KoaContextWithOIDC) => string;
  /** Default: our accounts. */
  findAccount?: FindAccount;
}

/** The part of a configuration that makes a provider sign in with passkeys. */
export function contribution(
  d: ConsentDependencies,
  { admit = async () => {}, baseOf = () => "", findAccount: find = findAccount(d) }: ContributionOptions = {},
) {
  return {
    interactions: {
      async url(ctx: KoaContextWithOIDC, { uid }: { uid: string }) {
        await admit(ctx);
        return `${baseOf(ctx)}/interaction/${uid}`;
      },
      policy: policy(d),
    },
    acrValues: [...ACR_VALUES],
    claims: { openid: ["sub", "acr", "amr", "auth_time"] },
    discovery: { prompt_values_supported: ["none", "login", "consent", "create"] },
    findAccount: find,
    loadExistingGrant: existingGrant(d),
  } satisfies Configuration;
}

/**
 * An account that is not active is not there: its sessions, tokens and refreshes end with its next use. Nor is one for a
 * token of an app that it may not open any more; at the authorization endpoint, where there is none, the policy says so.
 */
export function findAccount({ unit, mayOpen }: Pick<ConsentDependencies, "unit" | "mayOpen">): FindAccount {
  return async (ctx, id, token) => {
    const stored = await unit.read<object>(accountRecord.key(id));
    const account = stored && accountRecord.decode(stored.value);
    if (account?.state !== "active" || isOver(account, beganAt(ctx, token))) return undefined;
    const client = token && ctx.oidc?.client;
    if (client && !isOpenTo({ mayOpen }, client, account)) return undefined;
    return { accountId: account.id, groups: account.groups, claims: () => claims(account) };
  };
}

/** When that began which asks for the account: the token, or the session. */
export function beganAt(
  { oidc }: KoaContextWithOIDC,
  token: { iat?: number } | undefined,
): number | undefined {
  return token?.iat ?? oidc?.session?.loginTs;
}

/** OpenID Connect Core, section 5.1. The library gives out what the scopes and claims requested allow. */
export function claims(account: Account): AccountClaims {
  const { email } = account;
  return {
    sub: account.id,
    preferred_username: account.username,
    ...(account.name === undefined ? {} : { name: account.name }),
    ...(email === undefined ? {} : { email, email_verified: account.emailVerified }),
    groups: account.groups,
  };
}
