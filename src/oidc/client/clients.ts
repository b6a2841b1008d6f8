/** The registry of clients: validated when written, usable at once, seen by every instance within a second. */
import { randomUUID } from "node:crypto";
import type { Clock } from "../../clock.ts";
import { refuse } from "../../errors.ts";
import type { EventType, Listener } from "../../events.ts";
import { change } from "../../store/change.ts";
import { newVersion } from "../../store/record.ts";
import type { Store, Stored } from "../../store/store.ts";
import {
  type ClientInput,
  type ClientPatch,
  draft,
  makeSecret,
  patched,
  type Written,
  withSecret,
} from "./draft.ts";
import { isLaunchable, launchableIds, listLaunchable, unlistLaunchable } from "./launchable.ts";
import { type ClientMetadata, toMetadata } from "./metadata.ts";
import { type Client, clientProblems, clientRecord, isClientId } from "./record.ts";

export type { ClientInput, ClientPatch, Written } from "./draft.ts";
export type { PublicJwk } from "./keys.ts";
export type { ClientKind } from "./kind.ts";
export {
  type ClientMetadata,
  matchesClientSecret,
  toPublic,
} from "./metadata.ts";
export type { AuthMethod, Client, IdTokenAlg } from "./record.ts";

export interface Clients {
  /** @throws `client_invalid`, `client_exists` */
  add(input: ClientInput): Promise<Written>;
  /** All clients, by id. For operators, never for a request. */
  list(): Promise<Client[]>;
  /** @throws `client_unknown` */
  show(id: string): Promise<Client>;
  /** Lists are replaced, not added to; `newSecret` makes the old secret worthless. @throws `client_unknown`, `client_invalid` */
  update(id: string, patch: ClientPatch & { newSecret?: boolean }): Promise<Written>;
  /** @throws `client_unknown` */
  remove(id: string): Promise<void>;
  /** What `oidc-provider`'s adapter for `Client` finds; at most a second old. */
  metadata(id: string): Promise<ClientMetadata | undefined>;
  /** The same as its record: the same object for as long as it is the same record. */
  current(id: string): Promise<Client | undefined>;
  /** The clients that have somewhere to begin, for the portal; each at most a second old. */
  launchable(): Promise<Client[]>;
}

export interface ClientsOptions {
  store: Store;
  clock: Clock;
  announce: Listener;
  /** A further opinion on metadata, such as `oidc-provider`'s own; a throw refuses the client. */
  validate?: (metadata: ClientMetadata) => Promise<void>;
}

/** How long metadata may be served from memory; absence never is. */
const FRESH = 1000;
const REMEMBERED = 1000;

/**
 * Opens the registry.
 *
 * @example
 * ```ts
 * const registry = clients({ store, clock: systemClock, announce: () => {} });
 * const { client, secret } = await registry.add({ name: "Wiki", redirectUris: ["https://wiki.example.com/cb"] });
 * ```
 */
export function clients(options: ClientsOptions): Clients {
  const memory: Memory = new Map();
  const { store, clock } = options;
  const told = (type: EventType, id: string) => {
    memory.delete(id);
    options.announce({ id: randomUUID(), type, at: clock.now(), subject: id });
  };
  return {
    async add(input) {
      const written = await add(options, input);
      told("client.added", written.client.id);
      return written;
    },
    list: () => list(store),
    show: (id) => load(store, id),
    async update(id, patch) {
      const written = await update(options, id, patch);
      told("client.updated", id);
      return written;
    },
    async remove(id) {
      await load(store, id);
      await store.remove(clientRecord.key(id), { durable: true });
      await unlistLaunchable(store, id);
      told("client.removed", id);
    },
    async metadata(id) {
      const client = await remembered(memory, id, clock.now(), store);
      return client && toMetadata(client);
    },
    current: (id) => remembered(memory, id, clock.now(), store),
    async launchable() {
      const ids = await launchableIds(store);
      const found = await Promise.all(ids.map((id) => remembered(memory, id, clock.now(), store)));
      return found.filter((client) => client !== undefined).filter(isLaunchable);
    },
  };
}

async function find(store: Store, id: string): Promise<Client | undefined> {
  return isClientId(id) ? (await clientRecord.read(store, id))?.value : undefined;
}

async function load(store: Store, id: string): Promise<Client> {
  const found = await find(store, id);
  if (!found) throw refuse("client_unknown");
  return found;
}

async function list(store: Store): Promise<Client[]> {
  const found = new Map<string, Client>();
  for await (const { entries } of store.scan(clientRecord.kind)) {
    for (const { value } of entries) {
      const client = clientRecord.decode(value as object);
      found.set(client.id, client);
    }
  }
  return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function add({ store, clock, validate }: ClientsOptions, input: ClientInput): Promise<Written> {
  const written = withSecret(draft(input, clock.now()), makeSecret());
  const { client } = written;
  await check(client, validate);
  await listLaunchable(store, client);
  const options = { expect: "absent", version: newVersion(), durable: true } as const;
  const isNew = await store.commit(clientRecord.key(client.id), clientRecord.encode(client), options);
  if (!isNew) throw refuse("client_exists");
  return written;
}

async function update(
  { store, clock, validate }: ClientsOptions,
  id: string,
  { newSecret = false, ...patch }: ClientPatch & { newSecret?: boolean },
): Promise<Written> {
  const now = clock.now();
  const secret = makeSecret();
  const decide = (current: Client) => withSecret(patched(current, patch, now), secret, newSecret);
  // The opinion of others may need time, so it is asked first, on what the record would become.
  const { client } = decide(await load(store, id));
  await check(client, validate);
  await listLaunchable(store, client);
  const decideAgain = (current: Client | undefined) => {
    if (!current) throw refuse("client_unknown");
    const result = decide(current);
    refuseInvalid(result.client);
    return { value: result.client, result };
  };
  return change(store, clientRecord, id, decideAgain, { durable: true });
}

type Memory = Map<string, Stored<Client> & { at: number }>;

async function remembered(
  memory: Memory,
  id: string,
  now: number,
  store: Store,
): Promise<Client | undefined> {
  const known = memory.get(id);
  // A clock that was set back must not keep an old answer alive.
  if (known && now >= known.at && now - known.at < FRESH) return known.value;
  const found = isClientId(id) ? await clientRecord.read(store, id) : undefined;
  if (!found) {
    memory.delete(id);
    return undefined;
  }
  if (memory.size >= REMEMBERED) memory.clear();
  const isSame = known?.version === found.version;
  memory.set(id, { ...(isSame ? known : found), at: now });
  return isSame ? known.value : found.value;
}

function refuseInvalid(client: Client): void {
  const problems = clientProblems(client);
  if (problems.length > 0)
    throw refuse("client_invalid", { detail: `Not accepted: ${problems.join("; ")}.` });
}

async function check(client: Client, validate: ClientsOptions["validate"]): Promise<void> {
  refuseInvalid(client);
  try {
    await validate?.(toMetadata(client));
  } catch (cause) {
    const { error_description: said } = cause as { error_description?: unknown };
    throw refuse("client_invalid", {
      cause,
      ...(typeof said === "string" ? { detail: `Not accepted: ${said}.` } : {}),
    });
  }
}
