/** Groups: names that accounts carry. Settings, and who may open what, go by them. */
import { refuse } from "../errors.ts";
import type { Store } from "../store/store.ts";
import { type Account, ADMINISTRATORS } from "./account.ts";
import { type Moment, note } from "./transitions.ts";

const GROUP = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$/u;

/** How many groups one account may be in. */
const GROUP_LIMIT = 64;

/** @throws `group_invalid` */
export function checkGroup(text: string): string {
  const name = text.normalize("NFC");
  if (!GROUP.test(name)) throw refuse("group_invalid");
  return name;
}

/** @throws `group_invalid` for a name that is none, or one group too many */
export function joinGroup(account: Account, name: string, now: Moment): Account | undefined {
  const group = checkGroup(name);
  if (account.groups.includes(group)) return undefined;
  const joined = { ...account, groups: checkGroups([...account.groups, group]) };
  return note(joined, "group.joined", now, { subject: group });
}

export function leaveGroup(account: Account, name: string, now: Moment): Account | undefined {
  const groups = account.groups.filter((group) => group !== name);
  if (groups.length === account.groups.length) return undefined;
  return note({ ...account, groups }, "group.left", now, { subject: name });
}

/** The groups that an import gives an account; who administers is not the file's to say, in either direction. */
export function importedGroups(account: Account, wanted: readonly string[]): string[] {
  const kept = account.groups.includes(ADMINISTRATORS) ? [ADMINISTRATORS] : [];
  return [...wanted.filter((group) => group !== ADMINISTRATORS), ...kept];
}

/** @throws `group_invalid` */
export function checkGroups(names: readonly string[]): string[] {
  const groups = [...new Set(names.map(checkGroup))];
  if (groups.length > GROUP_LIMIT) {
    throw refuse("group_invalid", { detail: `An account is in at most ${GROUP_LIMIT} groups.` });
  }
  return groups;
}

/** What is wrong with a name of these, in words; `undefined` when each is one. */
export function groupsProblem(names: readonly string[]): string | undefined {
  const wrong = names.some((name) => !GROUP.test(name.normalize("NFC")));
  return wrong
    ? "must be names of groups: 1 to 64 letters, digits, spaces, dots, hyphens and underscores"
    : undefined;
}

/** The groups that were made by name; others exist because a setting or an account names them. */
export const groupNames = {
  add: (store: Store, name: string) => store.join(GROUPS, checkGroup(name)),
  remove: (store: Store, name: string) => store.leave(GROUPS, name),
  async list(store: Store): Promise<string[]> {
    const names: string[] = [];
    for (;;) {
      const after = names.at(-1);
      const page = await store.members(GROUPS, after === undefined ? {} : { after });
      if (page.length === 0) return names;
      names.push(...page);
    }
  },
};

const GROUPS = "groups:all";
