/**
 * Sessions: a body under the session's uid, which stays, and a pointer under the session's id, which changes at every
 * sign-in. The body is the truth and names the one id that is good now, so an old id is dead the moment the body is
 * written, whatever becomes of its pointer.
 *
 * A body is committed against the version this request read. A request that began before a sign-out and ends after it
 * therefore cannot bring the session back, and two tabs do not undo each other's apps.
 */
import { isDeepStrictEqual } from "node:util";
import Provider, { type Adapter, type AdapterPayload } from "oidc-provider";
import { type Clock, epoch } from "../../clock.ts";
import { refuse } from "../../errors.ts";
import { fingerprint, newVersion } from "../../store/record.ts";
import type { Key, Millis, Store, Stored, Version } from "../../store/store.ts";
import type { UnitOfWork } from "../../store/unit.ts";
import { SESSION_ABSOLUTE } from "../lifetimes.ts";

export type Body = AdapterPayload & {
  idHash: string;
  /** What the browser called itself at the sign-in (`User-Agent`), cut. */
  agent?: string;
  /** When an app last asked for it; seconds since the epoch. */
  seen?: number;
};

/** What names the browser stands at its beginning. */
const AGENT_LENGTH = 256;

/** How often a session is merged again because another of its tabs was faster. */
const ATTEMPTS = 16;

interface Dependencies {
  store: Store;
  unit: UnitOfWork;
  clock: Clock;
}

export class SessionAdapter implements Adapter {
  private readonly d: Dependencies;

  constructor(d: Dependencies) {
    this.d = d;
  }

  static bodyKey(uid: string): Key {
    return `session:${uid}`;
  }

  static pointerKey(id: string): Key {
    return `sessionid:${fingerprint(id)}`;
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const pointer = await this.d.unit.read<{ uid: string }>(SessionAdapter.pointerKey(id));
    if (!pointer) return undefined;
    const body = await this.findByUid(pointer.value.uid);
    if (body?.accountId) this.d.unit.prefetch(`account:${body.accountId}`);
    const grantId = body?.authorizations?.[askingClient()]?.grantId;
    if (grantId) this.d.unit.prefetch(`grant:${fingerprint(grantId)}`);
    return body?.idHash === fingerprint(id) ? { ...body, jti: id } : undefined;
  }

  /** A session that is over by this clock is removed when it is seen, so that no clock that goes back revives it. */
  async findByUid(uid: string): Promise<Body | undefined> {
    const key = SessionAdapter.bodyKey(uid);
    const found = await this.d.unit.read<Body>(key);
    if (found?.value.exp === undefined || found.value.exp > epoch(this.d.clock)) return found?.value;
    this.d.unit.forget(key);
    await this.d.store.remove(key);
    return undefined;
  }

  async upsert(id: string, { jti: _, ...payload }: AdapterPayload, expiresIn: number): Promise<void> {
    const uid = payload.uid as string;
    const key = SessionAdapter.bodyKey(uid);
    const before = await this.d.unit.before<Body>(key);
    const isNew = isSignIn(payload, before?.value);
    const agent = isNew ? agentOf(Provider.ctx) : before?.value.agent;
    const seen = epoch(this.d.clock);
    const known = agent === undefined ? {} : { agent };
    const value: Body = { ...payload, ...known, seen, idHash: fingerprint(id) };
    const ttl = expiresIn * 1000;
    await Promise.all([
      isNew && this.remember(payload.accountId as string, uid),
      this.d.unit.hold(key, value, () => this.commit(key, value, ttl, before)),
      this.d.unit.write(SessionAdapter.pointerKey(id), { uid }, ttl),
    ]);
  }

  /** One write more at a sign-in, among the others: afterwards its owner can see the session and end it. */
  private async remember(accountId: string, uid: string): Promise<void> {
    const set = sessionsKey(accountId);
    await this.d.unit.hold(set, {}, () => this.d.store.join(set, uid, SESSION_ABSOLUTE * 1000));
  }

  async destroy(id: string): Promise<void> {
    const key = SessionAdapter.pointerKey(id);
    if (isRotation(id)) return;
    const pointer = await this.d.unit.read<{ uid: string }>(key);
    const keys = pointer ? [key, SessionAdapter.bodyKey(pointer.value.uid)] : [key];
    for (const gone of keys) this.d.unit.forget(gone);
    await Promise.all(keys.map((gone) => this.d.store.remove(gone, { durable: true })));
  }

  private async commit(key: Key, value: Body, ttl: Millis, before: Stored<Body> | undefined): Promise<void> {
    const rotates = value.idHash !== before?.value.idHash;
    let merged = value;
    let expect: Version | "absent" = before?.version ?? "absent";
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await this.d.store.commit(key, merged, { expect, version: newVersion(), ttl })) return;
      const now = await this.d.store.read<Body>(key);
      // Signed out meanwhile, or another account signed in: this request's session is over.
      if (!now || now.value.accountId !== value.accountId) return;
      // A sign-in meanwhile has retired the id that this request came with; it must not come back.
      const newer = rotates ? value : now.value;
      merged = { ...newer, authorizations: { ...now.value.authorizations, ...value.authorizations } };
      // Of many requests that only touched the session one has done it for all, and those with news need not wait.
      if (isDeepStrictEqual(merged, now.value)) return;
      expect = now.version;
    }
    throw refuse("store_conflict");
  }

  async consume(): Promise<void> {}
  async revokeByGrantId(): Promise<void> {}
  async findByUserCode(): Promise<undefined> {}
}

/** The sessions of an account, by uid: an expiring set of hints; the bodies are the truth. */
export function sessionsKey(accountId: string): Key {
  return `sessions:${accountId}`;
}

function isSignIn(payload: AdapterPayload, before: Body | undefined): boolean {
  const { accountId, loginTs } = payload;
  return accountId !== undefined && (accountId !== before?.accountId || loginTs !== before.loginTs);
}

function agentOf(ctx: { get?(header: string): string } | undefined): string | undefined {
  return ctx?.get?.("user-agent").slice(0, AGENT_LENGTH) || undefined;
}

/** The client of an authorization request; its grant is read after the account, so it is read beside it. */
function askingClient(): string {
  const { client_id: id } = Provider.ctx?.query ?? {};
  return typeof id === "string" ? id : "";
}

/**
 * The library removes the old id before it stores the new one. The body that follows retires the old id by itself,
 * and must not be gone in between, because tokens look it up by uid. Its pointer expires.
 */
function isRotation(id: string): boolean {
  const session = Provider.ctx?.oidc?.session as
    | { id: string; oldId?: string; destroyed?: boolean }
    | undefined;
  return session?.oldId === id && session.id !== id;
}
