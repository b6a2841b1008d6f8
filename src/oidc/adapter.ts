/**
 * The library's models over the store port: fifteen of them, each one key an operation.
 *
 * - An id is a bearer value: the key holds its SHA-256, the payload never holds the id.
 * - `consume` is a commit against the version read, because the library itself reads and then writes, and lets two
 *   requests win one code.
 * - A grant is revoked by removing its record. Every token, refresh and userinfo request loads its grant, so that one
 *   removal ends all of its tokens at once; there is no list of tokens to walk and no write in the path of the winner.
 */
import { type Adapter, type AdapterPayload, errors } from "oidc-provider";
import { type Clock, epoch } from "../clock.ts";
import { refuse } from "../errors.ts";
import { fingerprint, newVersion } from "../store/record.ts";
import type { Key, Millis, Store } from "../store/store.ts";
import type { UnitOfWork } from "../store/unit.ts";
import type { DeviceGuesses } from "./adapter/device-guesses.ts";
import { sealInteraction, unsealInteraction } from "./adapter/interaction.ts";
import { SessionAdapter } from "./adapter/sessions.ts";
import type { Clients } from "./client/clients.ts";

/** The library accepts tokens this many seconds past their end, so they are kept as long (its `clockTolerance`). */
export const CLOCK_TOLERANCE = 15;

export interface AdapterDependencies {
  store: Store;
  unit: UnitOfWork;
  clients: Clients;
  clock: Clock;
  deviceGuesses: DeviceGuesses;
  /** A keyed hash; the same on every instance. */
  userCodeHash(code: string): string;
}

/** Record kinds by model name. */
const kinds: Readonly<Record<string, string>> = {
  AccessToken: "access",
  AuthorizationCode: "code",
  RefreshToken: "refresh",
  ClientCredentials: "credentials",
  InitialAccessToken: "initial",
  RegistrationAccessToken: "registration",
  DeviceCode: "device",
  BackchannelAuthenticationRequest: "ciba",
  PushedAuthorizationRequest: "par",
  PreAuthorizedCode: "preauthorized",
  ReplayDetection: "replay",
  Interaction: "interaction",
  Grant: "grant",
};

/** What one model stores, and how it is found again. */
class ModelAdapter implements Adapter {
  protected readonly d: AdapterDependencies;
  protected readonly kind: string;

  constructor(d: AdapterDependencies, kind: string) {
    this.d = d;
    this.kind = kind;
  }

  key(id: string): Key {
    return `${this.kind}:${fingerprint(id)}`;
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<void> {
    await this.d.unit.write(this.key(id), this.encode(id, payload), lifetime(expiresIn));
  }

  find(id: string): Promise<AdapterPayload | undefined> {
    return this.d.unit
      .read<AdapterPayload>(this.key(id))
      .then((found) => found && this.decode(id, found.value));
  }

  async destroy(id: string): Promise<void> {
    this.d.unit.forget(this.key(id));
    await this.d.store.remove(this.key(id), { durable: true });
  }

  /** Exactly one of parallel requests consumes; the others are refused as if it had been consumed long ago. */
  async consume(id: string): Promise<void> {
    const key = this.key(id);
    await this.d.unit.decided();
    const found = await this.d.unit.read<AdapterPayload>(key);
    if (!found || found.value.consumed) throw alreadyConsumed(this.kind);
    const now = epoch(this.d.clock);
    const won = await this.d.store.commit(
      key,
      { ...found.value, consumed: now },
      {
        expect: found.version,
        version: newVersion(),
        ttl: lifetime((found.value.exp ?? now) - now),
        durable: true,
      },
    );
    this.d.unit.forget(key);
    if (!won) throw alreadyConsumed(this.kind);
  }

  async revokeByGrantId(): Promise<void> {
    // The grant's own removal revokes; see above.
  }

  async findByUid(_uid: string): Promise<AdapterPayload | undefined> {
    throw new TypeError("only sessions are found by uid");
  }

  async findByUserCode(_code: string): Promise<AdapterPayload | undefined> {
    throw new TypeError("only device codes are found by user code");
  }

  protected encode(_id: string, { jti: _, ...payload }: AdapterPayload): AdapterPayload {
    return payload;
  }

  protected decode(id: string, payload: AdapterPayload): AdapterPayload {
    return { ...payload, jti: id };
  }
}

/** A code or token says which session, grant and account are needed next: they are read while it is checked. */
class CodeAdapter extends ModelAdapter {
  override async find(id: string): Promise<AdapterPayload | undefined> {
    const found = await super.find(id);
    if (found?.grantId) this.d.unit.prefetch(`grant:${fingerprint(found.grantId)}`);
    if (found?.sessionUid) this.d.unit.prefetch(SessionAdapter.bodyKey(found.sessionUid));
    if (found?.accountId) this.d.unit.prefetch(`account:${found.accountId}`);
    return found;
  }
}

class InteractionAdapter extends ModelAdapter {
  protected override encode(id: string, payload: AdapterPayload): AdapterPayload {
    return sealInteraction(id, super.encode(id, payload));
  }

  protected override decode(id: string, payload: AdapterPayload): AdapterPayload {
    return super.decode(id, unsealInteraction(id, payload));
  }

  override async find(id: string): Promise<AdapterPayload | undefined> {
    const found = await super.find(id);
    const accountId = (found?.result as { login?: { accountId?: string } } | undefined)?.login?.accountId;
    if (accountId) this.d.unit.prefetch(`account:${accountId}`);
    return found;
  }

  /**
   * Only over what this request read: of two decisions at once one counts, and a request that still has an interaction
   * open does not bring it back when it went on meanwhile.
   */
  override async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<void> {
    const key = this.key(id);
    const value = this.encode(id, payload);
    const expect = await this.d.unit.version(key);
    const options = { expect, version: newVersion(), ttl: lifetime(expiresIn) };
    await this.d.unit.hold(key, value, async () => {
      if (!(await this.d.store.commit(key, value, options))) throw refuse("interaction_expired");
    });
  }

  /** An interaction goes on once: of two requests that finish it one takes it, and nothing of the other is stored. */
  override async destroy(id: string): Promise<void> {
    const key = this.key(id);
    await this.d.unit.dismiss(key, async () => {
      if ((await this.d.store.take(key, newVersion())) === undefined) throw refuse("interaction_expired");
    });
  }
}

/** Never brings back a grant that was revoked after this request read it. */
class GrantAdapter extends ModelAdapter {
  override async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<void> {
    const key = this.key(id);
    const value = this.encode(id, payload);
    const expect = await this.d.unit.version(key);
    const options = { expect, version: newVersion(), ttl: lifetime(expiresIn) };
    await Promise.all([
      this.d.unit.hold(key, value, () => this.d.store.commit(key, value, options)),
      this.remember(id, payload, options.ttl),
    ]);
  }

  /** A grant for offline access outlives its session, so the owner must find it without one. */
  private async remember(id: string, { accountId, clientId, openid }: AdapterPayload, ttl: Millis) {
    const scopes = String((openid as { scope?: string } | undefined)?.scope ?? "").split(" ");
    if (!accountId || !clientId || !scopes.includes("offline_access")) return;
    const set = grantsKey(accountId);
    const member = `${fingerprint(id)} ${clientId}`;
    await this.d.unit.hold(`${set} ${member}`, {}, () => this.d.store.join(set, member, ttl));
  }
}

/** The grants for offline access of an account: an expiring set of `<fingerprint of the id> <client id>`. */
export function grantsKey(accountId: string): Key {
  return `grants:${accountId}`;
}

/** Seen once is enough: the second to bring the same proof is refused, also when both come at once. */
class ReplayAdapter extends ModelAdapter {
  override async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<void> {
    const options = { expect: "absent", version: newVersion(), ttl: lifetime(expiresIn) } as const;
    const first = await this.d.store.commit(this.key(id), this.encode(id, payload), options);
    if (!first) throw new errors.InvalidGrant("the proof was used before");
  }
}

/**
 * The short code a person types leads to the device code. Its grant is read before it is consumed: a second poll that
 * comes between would end the grant under the first one, and nobody would win.
 */
class DeviceAdapter extends CodeAdapter {
  protected override encode(id: string, payload: AdapterPayload): AdapterPayload {
    return sealInteraction(id, super.encode(id, payload));
  }

  protected override decode(id: string, payload: AdapterPayload): AdapterPayload {
    return super.decode(id, unsealInteraction(id, payload));
  }

  override async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<void> {
    await super.upsert(id, payload, expiresIn);
    if (payload.userCode) {
      const hint = this.hint(payload.userCode);
      await this.d.unit.write(
        hint,
        sealInteraction(this.d.userCodeHash(payload.userCode), { deviceCode: id }),
        lifetime(expiresIn),
      );
    }
  }

  override async findByUserCode(code: string): Promise<AdapterPayload | undefined> {
    await this.d.deviceGuesses.allow(code);
    const found = await this.d.unit.read<AdapterPayload>(this.hint(code));
    const id = found && (unsealInteraction(this.d.userCodeHash(code), found.value).deviceCode as string);
    if (id === undefined) return undefined;
    await this.d.deviceGuesses.right(code);
    return this.find(id);
  }

  /** A short code can be tried out against its hash, so the hash has a key that is not in the store. */
  private hint(code: string): Key {
    return `usercode:${fingerprint(this.d.userCodeHash(code))}`;
  }
}

/** Clients are kept by the registry, which also re-reads them at most a second after they change. */
class ClientAdapter extends ModelAdapter {
  override async find(id: string): Promise<AdapterPayload | undefined> {
    return (await this.d.clients.metadata(id)) as AdapterPayload | undefined;
  }

  override async upsert(): Promise<void> {
    throw new TypeError("clients are written by the registry");
  }

  override async destroy(): Promise<void> {
    throw new TypeError("clients are removed by the registry");
  }
}

const special: Readonly<Record<string, new (d: AdapterDependencies, kind: string) => Adapter>> = {
  Session: SessionAdapter,
  Client: ClientAdapter,
  Grant: GrantAdapter,
  Interaction: InteractionAdapter,
  AuthorizationCode: CodeAdapter,
  AccessToken: CodeAdapter,
  RefreshToken: CodeAdapter,
  ReplayDetection: ReplayAdapter,
  DeviceCode: DeviceAdapter,
};

/** What `oidc-provider` takes as its `adapter`: gives each model its own. */
export function adapterFactory(dependencies: AdapterDependencies): (model: string) => Adapter {
  return (model) => {
    const Model = special[model] ?? ModelAdapter;
    return new Model(dependencies, kinds[model] ?? model.toLowerCase());
  };
}

/** How long a record is kept that ends in so many seconds. */
export function lifetime(seconds: number): Millis {
  return Math.max(1, seconds + CLOCK_TOLERANCE) * 1000;
}

function alreadyConsumed(kind: string): Error {
  return kind === "par"
    ? new errors.InvalidRequestUri("request_uri is invalid, expired, or was already used")
    : new errors.InvalidGrant("already consumed");
}
