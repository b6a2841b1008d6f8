/** Signing in with a password that an import brought, on both stores. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { accounts } from "../../src/account/accounts.ts";
import { passwordState, STATE } from "../../src/account/password-state.ts";
import { dropPassword } from "../../src/account/password-way.ts";
import { revise } from "../../src/account/revise.ts";
import { gate, hashesAtOnce } from "../../src/password/gate.ts";
import { makeKey } from "../../src/password/keys.ts";
import { legacyPasswords } from "../../src/password/legacy.ts";
import { boundary } from "../../src/password/pace.ts";
import { openVerifier, readVerifier, sealVerifier, verifierRecord } from "../../src/password/verifiers.ts";
import type { Store } from "../../src/store/store.ts";
import { fresh } from "../account/people.ts";
import { passkey } from "../account/samples.ts";
import { stores } from "../support/stores.ts";
import { HASHES, place, RIGHT, withPassword } from "./place.ts";

const refusal = (code: string) => expect.objectContaining({ code });
const many = { perAccount: { count: 1000, window: 60_000 }, perAddress: { count: 1000, window: 60_000 } };
let address = 0;
/** An address nobody used before. */
const from = () => `10.0.${Math.floor(address / 250)}.${1 + (address++ % 250)}`;

describe.each(stores)("legacy passwords on $name", ({ open }) => {
  const at = place(open);
  const door = (guesses = many, store?: Store) => legacyPasswords({ ...at.safe(store), guesses });
  const people = () => accounts(at.safe());

  it("are not offered before an import brought one", async () => {
    expect(await door().available()).toBe(false);
    await withPassword(at.safe(), HASHES.bcrypt);
    expect(await door().available()).toBe(true);
  });

  it("the right one gives the account, by username and by verified e-mail address in any spelling", async () => {
    const email = `${fresh("Jane")}@Example.com`;
    const made = await withPassword(at.safe(), HASHES.bcrypt, { email, emailVerified: true });
    const { verify } = door();
    for (const login of [made.username, made.username.toUpperCase(), email.toLowerCase()]) {
      expect((await verify(login, RIGHT, from())).value.id).toBe(made.id);
    }
  });

  it("SEC-47 SEC-61 wrong, unknown, disabled, converted and dropped ones get the same answer", async () => {
    const open = await withPassword(at.safe(), HASHES.bcrypt);
    const disabled = await withPassword(at.safe(), HASHES.bcrypt, { disabled: true });
    const dropped = await withPassword(at.safe(), HASHES.bcrypt);
    await people().dropPassword(dropped.id);
    const native = await people().create({ username: fresh("native"), passkey: passkey(fresh("c")) });
    const lost = await withPassword(at.safe(), HASHES.bcrypt);
    await at.store.remove(verifierRecord.key(lost.id));
    const { verify } = door();
    const attempts: [string, string][] = [
      [open.username, "wrong"],
      [open.username, `${RIGHT}${"x".repeat(5000)}`],
      [open.username, ""],
      ...[
        fresh("nobody"),
        "not a name !",
        disabled.username,
        dropped.username,
        native.username,
        lost.username,
      ].map((login): [string, string] => [login, RIGHT]),
    ];
    for (const [login, password] of attempts) {
      const answer = await verify(login, password, from()).catch((error: unknown) => error);
      expect(answer, login).toEqual(refusal("authentication_failed"));
      expect(answer).toMatchObject({ members: {}, detail: undefined });
    }
    expect((await verify(open.username, RIGHT, from())).value.id).toBe(open.id);
  });

  it("SEC-137 a refusal waits for the end of a quarter of a second, whatever was computed", async () => {
    const { username } = await withPassword(at.safe(), HASHES.bcrypt);
    const { verify } = door();
    for (const login of [username, fresh("nobody")]) {
      const started = performance.now();
      await expect(verify(login, "wrong", from())).rejects.toEqual(refusal("authentication_failed"));
      expect(performance.now() - started).toBeGreaterThanOrEqual(249);
    }
  });

  it("SEC-138 a password that is verified while its removal is acknowledged opens nothing", async () => {
    const made = await withPassword(at.safe(), HASHES.bcrypt);
    let removing: Promise<unknown> | undefined;
    const store: Store = {
      ...bound(at.store),
      // The verifier is read; before the account is read again, the removal is acknowledged.
      async read<T>(key: `${string}:${string}`) {
        const found = await at.store.read<T>(key);
        if (key === verifierRecord.key(made.id)) removing = people().dropPassword(made.id);
        await removing;
        return found;
      },
    };
    const racing = door(many, store);
    await expect(racing.verify(made.username, RIGHT, from())).rejects.toEqual(
      refusal("authentication_failed"),
    );
    expect(removing).toBeDefined();
  });

  it("SEC-49 five guesses for a name, then none, whether or not somebody has it", async () => {
    const { username } = await withPassword(at.safe(), HASHES.bcrypt);
    const guesses = { ...many, perAccount: { count: 5, window: 900_000 } };
    for (const login of [username, fresh("nobody")]) {
      const { verify } = door(guesses);
      const answers = await Promise.all(
        Array.from({ length: 40 }, () => verify(login, "wrong", from()).catch(({ code }) => code)),
      );
      expect(answers.filter((code) => code === "authentication_failed")).toHaveLength(5);
      expect(answers.filter((code) => code === "too_many_requests")).toHaveLength(35);
      await expect(verify(login, RIGHT, from())).rejects.toEqual(
        expect.objectContaining({ code: "too_many_requests", members: { retry_after: 900 } }),
      );
    }
  });

  it("SEC-49 two names of one account are no way to more guesses, and nothing says that they are one", async () => {
    const email = `${fresh("two")}@example.com`;
    const { username } = await withPassword(at.safe(), HASHES.bcrypt, { email, emailVerified: true });
    const { verify } = door({ ...many, perAccount: { count: 5, window: 900_000 } });
    for (let n = 0; n < 5; n++) await verify(username, "wrong", from()).catch(() => {});
    await expect(verify(email, RIGHT, from())).rejects.toEqual(refusal("authentication_failed"));
  });

  it("SEC-68 an address has so many guesses, in whatever spelling", async () => {
    const { verify } = door({ ...many, perAddress: { count: 2, window: 60_000 } });
    const spellings = ["2001:db8:7::1", "2001:0DB8:7:0:ffff::2", "2001:db8:7:0::3"];
    const codes = [];
    for (const spelling of spellings) codes.push(await verify("x", "y", spelling).catch(({ code }) => code));
    expect(codes).toEqual(["authentication_failed", "authentication_failed", "too_many_requests"]);
  });

  it("SEC-69 SEC-70 names of any kind are counted, and with the store away still", async () => {
    const away: Store = { ...bound(at.store), count: () => Promise.reject(new Error("away")) };
    const { verify } = door({ ...many, perAccount: { count: 1, window: 60_000 } }, away);
    for (const login of ["a:b*{c}\n", "x".repeat(10_000), "\0"]) {
      await expect(verify(login, "y", from())).rejects.toEqual(refusal("authentication_failed"));
      await expect(verify(login, "y", from())).rejects.toEqual(refusal("too_many_requests"));
    }
  });

  it("a verifier is this account's alone, and unreadable under another key", async () => {
    const [one, two] = [
      await withPassword(at.safe(), HASHES.bcrypt),
      await withPassword(at.safe(), HASHES.slower),
    ];
    const stored = await readVerifier(at.store, one.id);
    await at.store.write(verifierRecord.key(two.id), verifierRecord.encode(stored!.value));
    const { verify } = door();
    await expect(verify(two.username, RIGHT, from())).rejects.toEqual(refusal("authentication_failed"));
    expect((await verify(one.username, RIGHT, from())).value.id).toBe(one.id);
    const key = await makeKey(at.safe());
    const sealed = sealVerifier(key, "a", HASHES.bcrypt);
    expect(openVerifier(key, "a", sealed)).toBe(HASHES.bcrypt);
    expect(openVerifier({ ...key, key: (await makeKey(at.safe())).key }, "a", sealed)).toBeUndefined();
    expect(sealVerifier(key, "a", "short").sealed).toHaveLength(sealed.sealed.length);
  });

  it("SEC-45 the verifier is not at rest in the clear", async () => {
    const made = await withPassword(at.safe(), HASHES.bcrypt);
    expect(JSON.stringify(await at.store.read(verifierRecord.key(made.id)))).not.toMatch(/\$2b|bcrypt/);
    expect(JSON.stringify(await people().find(made.id))).not.toMatch(/\$2b|lkpw1/);
  });

  it("is forgotten after its account says closed, never before; a repeat does nothing", async () => {
    const made = await withPassword(at.safe(), HASHES.bcrypt);
    const { forget } = door();
    await expect(forget(made.id)).rejects.toBeInstanceOf(TypeError);
    expect(await readVerifier(at.store, made.id)).toBeDefined();
    await revise(at.safe(), made.id, dropPassword);
    for (let n = 0; n < 2; n++) await forget(made.id);
    expect(await readVerifier(at.store, made.id)).toBeUndefined();
  });

  it("a dead verifier is swept, a living one stays", async () => {
    const [living, dead] = [
      await withPassword(at.safe(), HASHES.bcrypt),
      await withPassword(at.safe(), HASHES.bcrypt),
    ];
    await people().dropPassword(dead.id);
    const orphan = verifierRecord.key("gone");
    await at.store.write(orphan, verifierRecord.encode((await readVerifier(at.store, dead.id))!.value));
    await people().sweep();
    expect(await readVerifier(at.store, living.id)).toBeDefined();
    expect(await readVerifier(at.store, dead.id)).toBeUndefined();
    // The port removes conditionally by letting an emptied record expire.
    await vi.waitFor(async () => expect(await at.store.read(orphan)).toBeUndefined());
  });

  describe("once the store is sealed", () => {
    afterEach(() => at.store.remove(passwordState.key(STATE)));

    it("the way in is gone within a second, in an instance that runs", async () => {
      const made = await withPassword(at.safe(), HASHES.bcrypt);
      const running = door();
      expect(await running.available()).toBe(true);
      const sealed = passwordState.encode({ seal: "sealed", since: 1, keys: [] });
      await at.store.write(passwordState.key(STATE), sealed);
      const since = performance.now();
      await expect.poll(() => running.available(), { timeout: 5_000 }).toBe(false);
      expect(performance.now() - since).toBeLessThan(1_000);
      await expect(running.verify(made.username, RIGHT, from())).rejects.toEqual(refusal("not_found"));
    });
  });
});

describe("SEC-125 hashing", () => {
  it("leaves a core, and threads of the pool, to others", () => {
    expect([1, 2, 4, 64].map((cores) => hashesAtOnce(1, cores, 4))).toEqual([1, 1, 2, 2]);
    expect(hashesAtOnce(1, 64, 128)).toBe(63);
    expect([2, 8, 64].map((workers) => hashesAtOnce(workers, 64, 128))).toEqual([31, 7, 1]);
  });

  it("runs so many at once, keeps fifty waiting in their order, and sends the rest away", async () => {
    const turn = gate({ atOnce: 2, queue: 50 });
    const ends: (() => void)[] = [];
    const order: number[] = [];
    let running = 0;
    let most = 0;
    const work = (n: number) => () => {
      most = Math.max(most, ++running);
      order.push(n);
      return new Promise<void>((resolve) => ends.push(() => resolve(void running--)));
    };
    const all = Array.from({ length: 60 }, (_, n) => turn.run(work(n)));
    const outcomes = Promise.allSettled(all);
    await new Promise(setImmediate);
    while (running > 0) {
      ends.shift()?.();
      await new Promise(setImmediate);
    }
    const refused = (await outcomes).flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    expect(refused).toHaveLength(8);
    expect(refused[0]).toEqual(expect.objectContaining({ code: "service_busy", status: 503 }));
    expect(most).toBe(2);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it("gives its place back after a failure", async () => {
    const turn = gate({ atOnce: 1, queue: 0 });
    await expect(turn.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await turn.run(async () => "next")).toBe("next");
  });
});

it("SEC-137 the boundary is the next quarter of a second, and never before the costliest class ends", () => {
  expect([0, 1, 249, 250, 251, 700].map((elapsed) => boundary(elapsed, 250))).toEqual([
    250, 250, 250, 250, 500, 750,
  ]);
  expect(boundary(10, 750)).toBe(750);
});

/** A store whose methods can be spread. */
function bound(store: Store): Store {
  const names = ["read", "write", "commit", "take", "remove", "count", "scan", "append"] as const;
  const methods = names.map((name) => [name, (store[name] as (...args: unknown[]) => unknown).bind(store)]);
  return { ...store, driver: store.driver, ...Object.fromEntries(methods) };
}
