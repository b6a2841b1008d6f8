/**
 * What belongs to an account, to an app or to a queue, and what is left of it when that is gone. A command or a server
 * that is killed while it deletes an account may leave some; nobody else would ever find it again.
 */
import { entries } from "../account/leftovers.ts";
import type { Key, Store } from "../store/store.ts";
import { kindOf } from "./backup.ts";
import type { Findings } from "./finding.ts";
import { idOf, isThere, type Parties, partiesOf } from "./parties.ts";

const GONE = "of an account that is gone";
/** Records of which something says whose they are. */
const OWNED: readonly [
  kind: string,
  owner: (value: Owned, id: string) => string | undefined,
  what: string,
][] = [
  ["session", ({ accountId }) => accountId, "a session"],
  ["grant", ({ accountId }) => accountId, "a grant"],
  ["activity", (_, id) => id, "activity"],
  ["invitation", ({ account }) => account, "an invitation"],
];
/** Sets that have one for each account, by its id. */
const SETS: Readonly<Record<string, string>> = {
  sessions: "a list of sessions",
  grants: "a list of grants",
  consents: "a list of what apps were allowed",
};
const QUEUE: Key = "queue:mail";

interface Owned {
  accountId?: string;
  account?: string;
}

export async function* owned(store: Store): Findings {
  for (const [kind, owner, what] of OWNED) {
    for await (const { key, value } of entries(store, kind)) {
      const account = owner(value as Owned, idOf(key));
      const gone = account !== undefined && !(await isThere(store, account));
      const repair = () => store.remove(key);
      yield gone ? [{ key, problem: `${what} ${GONE}`, repair }] : [];
    }
  }
}

/** What an app was allowed: by an account that is there, for an app that is there, and where its owner can see it. */
export async function* consents(store: Store): Findings {
  for await (const { key } of entries(store, "consent")) {
    const parties = await partiesOf(store, idOf(key));
    const repair = () => store.remove(key);
    if (!parties) yield [{ key, problem: `what an app was allowed, ${GONE}`, repair }];
    else if (!parties.isClientThere) yield [{ key, problem: "allowed to an app that is gone", repair }];
    else yield await aboutList(store, key, parties);
  }
}

async function aboutList(store: Store, key: Key, { account, client }: Parties) {
  const set: Key = `consents:${account}`;
  const [held] = await store.bulk.holds([{ sort: "member", key: set, member: client }]);
  // Taken back in between it is in neither.
  if (held || (await store.read(key)) === undefined) return [];
  return [{ key, problem: "its owner cannot see it", repair: () => store.join(set, client) }];
}

/** Sets are in no walk over records. */
export async function* sets(store: Store): Findings {
  let known: { key: Key; alive: boolean } | undefined;
  for await (const items of store.bulk.dump()) {
    for (const { sort, key, ...item } of items) {
      const what = SETS[kindOf(key)];
      if (sort !== "member" || what === undefined) continue;
      if (known?.key !== key) known = { key, alive: await isThere(store, idOf(key)) };
      const { member } = item as { member: string };
      const repair = () => store.leave(key, member);
      yield known.alive ? [] : [{ key, problem: `${what} ${GONE}`, repair }];
    }
  }
}

/** A mail that is in no queue is sent by nobody; the name goes in first, and out last. */
export async function* mails(store: Store): Findings {
  for await (const { key } of entries(store, "mail")) {
    const member = idOf(key);
    const [held] = await store.bulk.holds([{ sort: "member", key: QUEUE, member }]);
    const lost = !held && (await store.read(key)) !== undefined;
    const repair = () => store.join(QUEUE, member);
    yield lost ? [{ key, problem: "a mail that is in no queue", repair }] : [];
  }
}
