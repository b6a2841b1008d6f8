/**
 * The guard before a password goes: what is left must be enough, by the rule that the operator chose.
 *
 * It is asked twice, by the page, so that what is missing is named before anybody is asked for a passkey, and by the
 * transition, so that nothing that happens in between goes past it.
 */
import type { Account, Passkey } from "./account.ts";

/**
 * `synced`: one passkey that is backed up, or any two. `independent`: two of different providers, or saved recovery
 * codes beside what outlives a device. `strict`: two of different providers, and saved recovery codes.
 */
export type Removal = "synced" | "independent" | "strict";

/** What applies to one account. */
export interface RemovalRule {
  removal: Removal;
  /** Whether recovery codes open this account: where they do not, they neither count nor are asked for. */
  codes: boolean;
}

/** The rule for an account with these groups. */
export type RemovalRuleOf = (groups: readonly string[]) => RemovalRule;

/** `passkey`: a first one; `other_passkey`: a further one, as the rule wants it; `recovery_codes`: saved ones. */
export type WayMissing = "passkey" | "other_passkey" | "recovery_codes";

/** What an account lacks. */
export interface Lack {
  missing: WayMissing[];
  /** Whether all of it is needed, or each entry alone would do. */
  needs: "all" | "one";
}

/** The facts of an account that a rule judges by. */
interface Ways {
  count: number;
  providers: number;
  /** Some passkey may live on more than one device. */
  eligible: boolean;
  /** Some passkey does. */
  backedUp: boolean;
  codes: boolean;
}

type Judge = (ways: Ways) => WayMissing[];

const synced: Judge = ({ count, backedUp }) => (count > 1 || backedUp ? [] : ["other_passkey"]);

const independent: Judge = ({ count, providers, eligible, codes }) => {
  if (providers > 1) return [];
  const outlivesItsDevice = count > 1 || eligible;
  if (!outlivesItsDevice) return ["other_passkey"];
  return codes ? [] : ["other_passkey", "recovery_codes"];
};

const strict: Judge = ({ providers, codes }) => [
  ...(providers > 1 ? [] : (["other_passkey"] as const)),
  ...(codes ? [] : (["recovery_codes"] as const)),
];

const judges: Record<Removal, Judge> = { synced, independent, strict };

/** What an account lacks before its password may go; nothing is missing when it has enough. */
export function missingWays(account: Account, { removal, codes }: RemovalRule): Lack {
  const needs = removal === "strict" ? "all" : "one";
  const active = account.passkeys.filter(({ state }) => state === "active");
  // Without a first passkey nothing else can even be proved: it comes before all that a rule may want.
  if (active.length === 0) return { missing: ["passkey"], needs };
  const missing = judges[removal](waysOf(active, codes && (account.recoveryCodes?.left.length ?? 0) > 0));
  return { missing: missing.filter((way) => codes || way !== "recovery_codes"), needs };
}

function waysOf(active: readonly Passkey[], codes: boolean): Ways {
  return {
    count: active.length,
    providers: new Set(active.map(({ aaguid }) => aaguid)).size,
    eligible: active.some(({ backupEligible }) => backupEligible),
    backedUp: active.some(({ backupEligible, backedUp }) => backupEligible && backedUp),
    codes,
  };
}
