/** Whether the log is still what was sealed. Reads all of it, changes nothing. */
import { day } from "../clock.ts";
import type { Store } from "../store/store.ts";
import type { Vault } from "../vault.ts";
import { days, logOf } from "./events.ts";
import {
  type Extent,
  fold,
  HEAD,
  headRecord,
  knownKey,
  macOf,
  NOTHING,
  type Seal,
  sealRecord,
} from "./seal.ts";

export interface AuditReport {
  ok: boolean;
  /** Events under a seal, and those that wait for the next one. */
  sealed: number;
  unsealed: number;
  seals: number;
  /** The newest seal: kept elsewhere, it shows later that nothing was put back. */
  head: string | null;
  problems: string[];
}

export interface AuditOptions {
  store: Store;
  vault: Vault;
  clock: { now(): number };
  /** When the installation was made: no event is older. */
  since: number;
  /** A seal that was kept elsewhere. */
  expect?: string | undefined;
  tell?(events: number): void;
}

export async function verifyAudit(options: AuditOptions): Promise<AuditReport> {
  const problems: string[] = [];
  const chain = await readChain(options, problems);
  const report = { sealed: 0, unsealed: 0 };
  const sealedDays = Object.keys(chain.extents);
  const first = [day(options.since - DAY), ...sealedDays].sort()[0] ?? "";
  for (const date of days(first, [day(options.clock.now()), ...sealedDays].sort().at(-1) ?? first)) {
    const extents = chain.extents[date] ?? [];
    const counts = await verifyDay(options.store, date, extents, problems);
    report.sealed += counts.sealed;
    report.unsealed += counts.unsealed;
    options.tell?.(report.sealed + report.unsealed);
  }
  const { seals, head } = chain;
  return { ok: problems.length === 0, ...report, seals, head, problems };
}

const DAY = 24 * 60 * 60 * 1000;

interface Chain {
  seals: number;
  head: string | null;
  /** What each day was sealed as, again and again, in order. */
  extents: Record<string, Extent[]>;
}

async function readChain({ store, vault, expect }: AuditOptions, problems: string[]): Promise<Chain> {
  const key = await knownKey(store, vault);
  const chain: Chain = { seals: 0, head: null, extents: {} };
  let expected = expect === undefined;
  for (let n = 1; ; n++) {
    const found = (await sealRecord.read(store, String(n)))?.value;
    if (!found) break;
    if (!key || !isGenuine(key, found, n, chain.head ?? "")) problems.push(`seal ${n} is not genuine`);
    for (const [date, extent] of Object.entries(found.days)) {
      chain.extents[date] = [...(chain.extents[date] ?? []), extent];
    }
    chain.head = found.mac;
    chain.seals = n;
    expected ||= found.mac === expect;
  }
  const head = (await headRecord.read(store, HEAD))?.value;
  if (head && head.n > chain.seals)
    problems.push(`seals are missing: there were ${head.n}, there are ${chain.seals}`);
  if (!expected) problems.push("the seal that was kept elsewhere is not among these");
  return chain;
}

function isGenuine(key: Buffer, seal: Seal, n: number, previous: string): boolean {
  return seal.n === n && seal.previous === previous && macOf(key, seal) === seal.mac;
}

async function verifyDay(
  store: Store,
  date: string,
  extents: readonly Extent[],
  problems: string[],
): Promise<{ sealed: number; unsealed: number }> {
  const expected = new Map(extents.map((extent) => [extent.cursor, extent]));
  let extent = NOTHING;
  let wrong = false;
  for await (const { event, cursor } of store.tail(logOf(date))) {
    extent = fold(extent, event, cursor);
    const sealed = expected.get(cursor);
    expected.delete(cursor);
    wrong ||= sealed !== undefined && (sealed.count !== extent.count || sealed.hash !== extent.hash);
  }
  const last = extents.at(-1)?.count ?? 0;
  if (wrong) problems.push(`${date}: events were changed, inserted, moved or removed`);
  else if (expected.size > 0) problems.push(`${date}: events are missing`);
  return { sealed: Math.min(last, extent.count), unsealed: Math.max(0, extent.count - last) };
}
