/**
 * A host's adapter with single use decided by our store. The library reads whether a code was consumed and then writes
 * that it is: with an adapter that does only that, two requests win one code (RFC 6749, section 4.1.2; measured).
 */
import { type Adapter, type AdapterConstructor, type AdapterFactory, errors } from "oidc-provider";
import { type Clock, epoch } from "../../clock.ts";
import { fingerprint, newVersion } from "../../store/record.ts";
import type { Key, Millis, Store } from "../../store/store.ts";
import { CLOCK_TOLERANCE } from "../adapter.ts";

/** For what has no end of its own; longer than the library's longest. */
const LONG: Millis = 400 * 24 * 60 * 60 * 1000;

export function singleUse(
  store: Store,
  clock: Clock,
  host: AdapterConstructor | AdapterFactory,
): AdapterFactory {
  return (model) => {
    const theirs = isConstructor(host) ? new host(model) : host(model);
    return {
      // Called on the host's own object: private fields know no other.
      upsert: (id, payload, expiresIn) => theirs.upsert(id, payload, expiresIn),
      find: (id) => theirs.find(id),
      findByUid: (uid) => theirs.findByUid(uid),
      findByUserCode: (code) => theirs.findByUserCode(code),
      destroy: (id) => theirs.destroy(id),
      revokeByGrantId: (grantId) => theirs.revokeByGrantId(grantId),
      /** Exactly one of parallel calls gets through to the host; one that dies after that has consumed. */
      async consume(id: string): Promise<void> {
        const exp = (await theirs.find(id))?.exp;
        if (!(await first(store, model, id, lifetime(clock, exp)))) throw used(model);
        await theirs.consume(id);
      },
      ...(model === "ReplayDetection" ? { upsert: firstUpsert(store, theirs) } : {}),
    };
  };
}

/** A proof is remembered by its id: the second to bring it is refused, also when both come at once. */
function firstUpsert(store: Store, theirs: Adapter): Adapter["upsert"] {
  return async (id, payload, expiresIn) => {
    const ttl = expiresIn === undefined ? LONG : (expiresIn + CLOCK_TOLERANCE) * 1000;
    if (!(await first(store, "ReplayDetection", id, ttl)))
      throw new errors.InvalidGrant("the proof was used before");
    await theirs.upsert(id, payload, expiresIn as number);
  };
}

function first(store: Store, model: string, id: string, ttl: Millis): Promise<boolean> {
  const key: Key = `used:${fingerprint(`${model}:${id}`)}`;
  return store.commit(key, {}, { expect: "absent", version: newVersion(), ttl, durable: true });
}

function lifetime(clock: Clock, exp: number | undefined): Millis {
  return exp === undefined ? LONG : Math.max(1, exp - epoch(clock) + CLOCK_TOLERANCE) * 1000;
}

function used(model: string): Error {
  return model === "PushedAuthorizationRequest"
    ? new errors.InvalidRequestUri("request_uri is invalid, expired, or was already used")
    : new errors.InvalidGrant("already consumed");
}

/** As the library tells them apart: an arrow function has no prototype. */
function isConstructor(host: AdapterConstructor | AdapterFactory): host is AdapterConstructor {
  return typeof (host as { prototype?: unknown }).prototype === "object";
}
