/**
 * An installation: a store that belongs to this provider, opened with its secret. What the server and every command
 * work on.
 */
import { randomUUID } from "node:crypto";
import { type Accounts, accounts } from "./account/accounts.ts";
import { type Invitations, invitations } from "./account/invitations.ts";
import type { Notify } from "./account/notices.ts";
import { type SetupLink, setupLink } from "./account/setup.ts";
import { type Clock, systemClock } from "./clock.ts";
import { ConfigurationError, type Settings } from "./config/load.ts";
import { rootSecrets } from "./config/root-secret.ts";
import type { Event, Listener } from "./events.ts";
import {
  META,
  type Meta,
  metaRecord,
  requireReadable,
  requireSecret,
  type Standing,
  standingOf,
} from "./installation/meta.ts";
import { type Logger, silentLogger } from "./log.ts";
import { readLedger, requireKnown, startLedger } from "./migrate/ledger.ts";
import { type Clients, clients } from "./oidc/client/clients.ts";
import { withoutNotice } from "./oidc/quiet.ts";
import { change } from "./store/change.ts";
import { connectStore } from "./store/connect.ts";
import { behindGate, gateOf, type Kept } from "./store/gate.ts";
import { newVersion } from "./store/record.ts";
import type { Store } from "./store/store.ts";
import { createVault, type Vault } from "./vault.ts";

export { requireFit } from "./installation/meta.ts";

export interface Installation {
  settings: Settings;
  store: Store;
  vault: Vault;
  log: Logger;
  clock: Clock;
  /** Tells the log what happened. */
  announce: Listener;
  clients: Clients;
  accounts: Accounts;
  invitations: Invitations;
  /** Tells an owner what was done to his account. */
  notify: Notify;
  setup: Omit<SetupLink, "issue"> & { issue(): Promise<{ token: string; url: string; expires: number }> };
  meta: Meta;
  /** Asks the store anew whether it is the one that was opened. */
  stillOurs(): Promise<boolean>;
  /** What a store that is not is, for those who can do something about it. */
  standing(): Promise<Standing>;
  close(): Promise<void>;
}

export interface InstallationOptions {
  /** Make an empty store ours; on localhost that is always allowed. */
  initialise?: boolean;
  log?: Logger;
  clock?: Clock;
  /** Opened elsewhere, and not closed by us. */
  store?: Store;
  /** Who counts what happens. */
  counts?: { event: Listener; kept: Kept } | undefined;
}

const PROOF = "latchkey";

/**
 * Opens the store that the settings name.
 *
 * @throws `configuration_invalid` for a store that is not ours or was emptied, `secret_mismatch`, `store_unavailable`
 */
export async function openInstallation(
  settings: Settings,
  options: InstallationOptions = {},
): Promise<Installation> {
  const { log = silentLogger, clock = systemClock } = options;
  const opened =
    options.store ?? (await connectStore(settings.store, { log, durability: settings.durability }));
  const ours = { id: "" };
  const standing = async (): Promise<Standing> =>
    ours.id === "" ? { is: "ours" } : standingOf(opened, ours.id);
  const gate = gateOf(async () => (await standing()).is === "ours");
  const store = behindGate(opened, gate, options.counts?.kept);
  try {
    const vault = createVault(rootSecrets(settings, (await metaRecord.read(store, META)) !== undefined));
    const meta = await openMeta(store, vault, settings, clock, options.initialise ?? settings.isLocal);
    ours.id = meta.id;
    const announce = eventLog(log, options.counts?.event);
    const people = accounts({ store, clock, announce });
    const setup = setupLink({ store, clock, accounts: people });
    return {
      settings,
      store,
      vault,
      log,
      clock,
      announce,
      meta,
      stillOurs: () => gate.look(),
      standing,
      accounts: people,
      invitations: invitations({ store, clock }),
      notify: notifier({ store, vault, clock, log, settings }),
      clients: clients({ store, clock, announce, validate: validateByLibrary }),
      setup: {
        ...setup,
        async issue() {
          const issued = await setup.issue();
          return { ...issued, url: `${settings.issuer}/setup/${issued.token}` };
        },
      },
      close: () => (options.store ? Promise.resolve() : store.close()),
    };
  } catch (error) {
    if (!options.store) await store.close();
    throw error;
  }
}

/** The library is loaded with the first client that is written: most commands do without it. */
const validateByLibrary: NonNullable<Parameters<typeof clients>[0]["validate"]> = async (metadata) => {
  const { validateClient } = await withoutNotice(() => import("./oidc/provider.ts"));
  await validateClient(metadata);
};

async function openMeta(
  store: Store,
  vault: Vault,
  settings: Settings,
  clock: Clock,
  mayCreate: boolean,
): Promise<Meta> {
  const found = (await metaRecord.read(store, META))?.value;
  if (!found && settings.storeId !== undefined) throw emptied(`a store with the id ${settings.storeId}`);
  if (!found) {
    if (!mayCreate) throw emptied("a store that `latchkey setup` has initialised");
    const created = clock.now();
    const rpIds = [{ rpId: settings.rpId, since: created }];
    const meta = { id: randomUUID(), created, proof: vault.wrap(PROOF, "proof"), rpIds };
    const how = { expect: "absent", version: newVersion(), durable: true } as const;
    await startLedger(store, clock.now());
    await store.commit(metaRecord.key(META), metaRecord.encode(meta), how);
    return openMeta(store, vault, settings, clock, false);
  }
  if (settings.storeId !== undefined && settings.storeId !== found.id) {
    throw new ConfigurationError([
      `LATCHKEY_STORE_ID (storeId): expected ${settings.storeId}, the store is ${found.id}`,
    ]);
  }
  requireReadable(found);
  requireKnown(await readLedger(store));
  await fitSecret(store, vault, settings, found);
  return found;
}

/** The secret must open the store; one that was rotated is replaced by the newest, so that the old one can go. */
async function fitSecret(store: Store, vault: Vault, settings: Settings, found: Meta): Promise<void> {
  requireSecret(found, vault, settings);
  if (vault.isCurrent(found.proof, "proof")) return;
  const decide = (meta: Meta | undefined) => ({
    value: meta && { ...meta, proof: vault.wrap(PROOF, "proof") },
    result: undefined,
  });
  // The keys first: as long as they need the old secret, so does the proof.
  const { signingKeys } = await import("./oidc/keys.ts");
  await signingKeys(store, vault, systemClock);
  const { auditKey, knownKey } = await import("./audit/seal.ts");
  if (await knownKey(store, vault)) await auditKey(store, vault);
  const { rewrapPasswordKeys } = await import("./password-room.ts");
  await rewrapPasswordKeys({ settings, store, vault, clock: systemClock });
  await change(store, metaRecord, META, decide, { durable: true });
}

function emptied(expected: string): ConfigurationError {
  return new ConfigurationError([
    `LATCHKEY_STORE (store): expected ${expected}, found an empty one. ` +
      "If this is a new installation, run `latchkey setup`; if it is not, do not: restore the data first.",
  ]);
}

/** Keeps what an owner is told until a server sends it; a command does not live long enough to wait for SMTP. */
function notifier(o: Pick<Installation, "store" | "vault" | "clock" | "log" | "settings">): Notify {
  return async (account, notice) => {
    const { mail, views: overlay } = o.settings;
    if (mail.url === undefined) return;
    const { openMailer } = await import("./mail/mailer.ts");
    const how = { ...mail, ...(overlay === undefined ? {} : { overlay }), leaves: true };
    await openMailer({ ...o, ...how })?.notify(account, notice);
  };
}

/** What happened, in the log: counters and refusals are for whoever watches, the rest is for the record. */
function eventLog(log: Logger, count?: Listener): Listener {
  return (event: Event) => {
    count?.(event);
    const { id: _, type, ...facts } = event;
    const say = type === "passkey.counter_regressed" ? log.warn : log.info;
    say.call(log, { event: type, ...facts }, type);
  };
}
