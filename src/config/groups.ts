/** What applies to one account: the settings for all, made stricter by its groups. */
import type { Settings } from "./derive.ts";

/** The settings that a group may have of its own. */
export type AccountSettings = Pick<Settings, "passwords" | "recovery">;

type Mode = Settings["passwords"]["mode"];
type Confirm = Settings["passwords"]["confirm"];

const modes: readonly Mode[] = ["offer", "require-after", "require"];
/** From the mildest. */
const removals: readonly Settings["passwords"]["removal"][] = ["synced", "independent", "strict"];
const confirms: readonly Confirm[] = [undefined, "none", "email", "pass"];

/**
 * The settings of an account with these groups. A group replaces what is said for all; where several groups of the
 * account say something, the strictest counts.
 */
export function settingsOf(settings: AccountSettings & Pick<Settings, "groups">, groups: readonly string[]) {
  const own = groups.flatMap((name) => settings.groups[name] ?? []);
  const passwords = own.map((group) => group.passwords ?? {});
  const recovery = own.map((group) => group.recovery ?? {});
  const { passwords: forAll, recovery: ladder } = settings;
  return {
    passwords: {
      mode: strictest(modes, said(passwords, "mode")) ?? forAll.mode,
      requireAfter: said(passwords, "requireAfter").sort()[0] ?? forAll.requireAfter,
      confirm: strictest(confirms, said(passwords, "confirm")) ?? forAll.confirm,
      removal: strictest(removals, said(passwords, "removal")) ?? forAll.removal,
      maxCost: forAll.maxCost,
    },
    recovery: {
      codes: all(said(recovery, "codes")) ?? ladder.codes,
      pass: all(said(recovery, "pass")) ?? ladder.pass,
      passMax: smallest(said(recovery, "passMax")) ?? ladder.passMax,
      email: all(said(recovery, "email")) ?? ladder.email,
      delay: largest(said(recovery, "delay")) ?? ladder.delay,
      grace: largest(said(recovery, "grace")) ?? ladder.grace,
    },
  } satisfies AccountSettings;
}

/** Whether the settings let anybody back in by e-mail. */
export function mailsRecovery({ recovery, groups }: Pick<Settings, "recovery" | "groups">): boolean {
  return recovery.email || Object.values(groups).some((group) => group.recovery?.email === true);
}

/** What the groups say about one setting. */
function said<T extends object, K extends keyof T>(groups: readonly T[], key: K): NonNullable<T[K]>[] {
  return groups.flatMap((group) => (group[key] === undefined || group[key] === null ? [] : [group[key]]));
}

function strictest<T>(order: readonly T[], values: readonly T[]): T | undefined {
  return [...values].sort((a, b) => order.indexOf(b) - order.indexOf(a))[0];
}

function all(values: readonly boolean[]): boolean | undefined {
  return values.length === 0 ? undefined : values.every(Boolean);
}

function smallest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.min(...values);
}

function largest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.max(...values);
}
