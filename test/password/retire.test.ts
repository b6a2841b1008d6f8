/** The last steps of the way to zero, on both stores: purge, drop, seal. */
import { describe, expect, it } from "vitest";
import { type Account, accountRecord } from "../../src/account/account.ts";
import { accounts } from "../../src/account/accounts.ts";
import { createImported } from "../../src/account/create.ts";
import { passwordState, readPasswordState, STATE } from "../../src/account/password-state.ts";
import { passwordStatus } from "../../src/account/password-status.ts";
import { readInputs } from "../../src/import/format.ts";
import { importAll } from "../../src/import/run.ts";
import { drop } from "../../src/password/drop.ts";
import { intake } from "../../src/password/intake.ts";
import { currentKey, readKey } from "../../src/password/keys.ts";
import { legacyPasswords } from "../../src/password/legacy.ts";
import { purge } from "../../src/password/purge.ts";
import { seal } from "../../src/password/seal.ts";
import {
  keyIdOf,
  openVerifier,
  readVerifier,
  sealVerifier,
  verifierRecord,
} from "../../src/password/verifiers.ts";
import { beginWriting } from "../../src/password/writers.ts";
import { fresh } from "../account/people.ts";
import { passkey } from "../account/samples.ts";
import { stores } from "../support/stores.ts";
import { HASHES, place, RIGHT, withPassword } from "./place.ts";

const many = { perAccount: { count: 1000, window: 60_000 }, perAddress: { count: 1000, window: 60_000 } };
const refusal = (code: string) => expect.objectContaining({ code });

describe.each(stores)("purging $name", ({ open }) => {
  const at = place(open);

  it("does nothing where no verifier ever was", async () => {
    expect(await purge(at.safe())).toEqual({ kept: 0, removed: 0, keys: 0 });
  });

  it("SEC-45 gives what is left a new key, takes dead ones away, and destroys the old key", async () => {
    const [living, dead] = [
      await withPassword(at.safe(), HASHES.bcrypt),
      await withPassword(at.safe(), HASHES.bcrypt),
    ];
    const copy = (await readVerifier(at.store, dead.id))!.value;
    const before = keyIdOf(copy);
    await accounts(at.safe()).dropPassword(dead.id);
    expect(await purge(at.safe())).toEqual({ kept: 1, removed: 1, keys: 1 });
    expect(await readVerifier(at.store, dead.id)).toBeUndefined();
    const now = keyIdOf((await readVerifier(at.store, living.id))!.value);
    expect(now).not.toBe(before);
    expect(await at.safe().shelf.list()).toEqual([now]);
    expect(await readKey(at.safe(), before)).toBeUndefined();
    expect(openVerifier(await currentKey(at.safe()), dead.id, copy)).toBeUndefined();
    const { verify } = legacyPasswords({ ...at.safe(), guesses: many });
    expect((await verify(living.username, RIGHT, "10.1.1.1")).value.id).toBe(living.id);
  });

  it("waits for a batch that is being written, and gives its verifiers the new key, too", async () => {
    const end = await beginWriting(at.store);
    const key = await currentKey(at.safe());
    const purging = purge(at.safe());
    await expect.poll(async () => (await readPasswordState(at.store)).keys.length).toBe(2);
    const late = await withPassword(at.safe(), HASHES.bcrypt);
    const record = verifierRecord.encode(sealVerifier(key, late.id, HASHES.bcrypt));
    await at.store.write(verifierRecord.key(late.id), record);
    expect(await Promise.race([purging, Promise.resolve("running")])).toBe("running");
    await end();
    await purging;
    const { verify } = legacyPasswords({ ...at.safe(), guesses: many });
    expect((await verify(late.username, RIGHT, "10.1.1.1")).value.id).toBe(late.id);
  });

  it("is done by one at a time", async () => {
    const [one, two] = await Promise.allSettled([purge(at.safe()), purge(at.safe())]);
    expect([one.status, two.status].sort()).toEqual(["fulfilled", "rejected"]);
    expect((await purge(at.safe())).keys).toBe(1);
  });

  it("SEC-43 ten purges beside sign-ins and drops lose no verifier and bring none back", async () => {
    const people = accounts(at.safe());
    const { verify, forget } = legacyPasswords({ ...at.safe(), guesses: many });
    const stay = await withPassword(at.safe(), HASHES.bcrypt);
    const go = await Promise.all(Array.from({ length: 10 }, () => withPassword(at.safe(), HASHES.bcrypt)));
    for (const { id } of go) {
      const leaving = people.dropPassword(id).then(() => forget(id));
      await Promise.all([purge(at.safe()), leaving]);
      expect(await readVerifier(at.store, id)).toBeUndefined();
    }
    expect((await verify(stay.username, RIGHT, "10.1.1.1")).value.id).toBe(stay.id);
  });
});

describe.each(stores)("dropping what is left in $name", ({ open }) => {
  const at = place(open);
  it("takes a group's, or everybody's who did not come in since a day, and leaves the others", async () => {
    const people = accounts(at.safe());
    const [crew, used, other] = [
      await withPassword(at.safe(), HASHES.bcrypt, { groups: ["crew"] }),
      await withPassword(at.safe(), HASHES.bcrypt),
      await withPassword(at.safe(), HASHES.bcrypt),
    ];
    const native = await people.create({ username: fresh("n"), passkey: passkey(fresh("c")) });
    expect(await drop(at.safe(), people, { group: "crew" })).toEqual({ dropped: 1, without_passkey: 1 });
    expect(await readVerifier(at.store, crew.id)).toBeUndefined();
    expect((await people.find(crew.id))?.value.password?.state).toBe("closed");
    const { verify } = legacyPasswords({ ...at.safe(), guesses: many });
    await verify(used.username, RIGHT, "10.1.1.1");
    expect(await drop(at.safe(), people, { inactiveSince: "2000-01-01" })).toEqual({
      dropped: 0,
      without_passkey: 0,
    });
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    expect((await drop(at.safe(), people, { inactiveSince: tomorrow })).dropped).toBe(2);
    expect(await readVerifier(at.store, other.id)).toBeUndefined();
    expect((await people.find(native.id))?.value.password).toBeUndefined();
  });
});

describe.each(stores)("sealing $name", ({ open }) => {
  const at = place(open);
  const people = () => accounts(at.safe());
  async function bring(hashes: ReturnType<typeof intake>, row: object) {
    const refused: string[] = [];
    async function* bytes() {
      yield Buffer.from(JSON.stringify(row));
    }
    await importAll({ ...at.safe(), hashes }, readInputs(bytes(), "jsonl"), {
      refused: (_, { code }) => refused.push(code),
      progress() {},
    });
    return refused;
  }
  const hashes = () => intake(at.safe(), { memory: 64, time: 1000 });
  let asleep: { key: Awaited<ReturnType<typeof currentKey>>; id: string };

  it("is refused while any is left, and changes nothing", async () => {
    const made = await withPassword(at.safe(), HASHES.bcrypt);
    const before = await at.store.read(passwordState.key(STATE));
    await expect(seal(at.safe())).rejects.toEqual(refusal("passwords_left"));
    expect(await at.store.read(passwordState.key(STATE))).toEqual(before);
    // An instance that is about to be stopped by a signal has read the key, and knows an account.
    asleep = { key: await currentKey(at.safe()), id: made.id };
  });

  it("is undone when a batch that had begun before it brings one", async () => {
    await drop(at.safe(), people(), {});
    const end = await beginWriting(at.store);
    const sealing = seal(at.safe());
    sealing.catch(() => {});
    await expect.poll(async () => (await readPasswordState(at.store)).seal).toBe("sealing");
    // Who begins now is refused; the batch that had begun writes on.
    expect(await bring(hashes(), { username: fresh("late"), password_hash: HASHES.bcrypt })).toEqual([
      "passwords_sealed",
    ]);
    const { createImported } = await import("../../src/account/create.ts");
    await createImported(at.safe(), { username: fresh("begun"), password: true }, async () => {});
    await end();
    await expect(sealing).rejects.toEqual(refusal("passwords_left"));
    expect((await readPasswordState(at.store)).seal).toBe("open");
  });

  it("with what is left waived by name destroys the keys, for ever", async () => {
    const running = legacyPasswords({ ...at.safe(), guesses: many });
    const known = await withPassword(at.safe(), HASHES.bcrypt);
    const left: string[] = [];
    for await (const { id, password } of people().list()) if (password?.state === "open") left.push(id);
    await expect(seal(at.safe(), { waive: left.slice(1) })).rejects.toEqual(refusal("passwords_left"));
    const told: string[] = [];
    const tell = async ({ id }: Account) => void told.push(id);
    const sealed = await seal(at.safe(), { waive: left, tell });
    expect(told.sort()).toEqual([...left].sort());
    expect(sealed).toMatchObject({ seal: "sealed", keys: [], waived: expect.arrayContaining(left) });
    expect(sealed.slowest).toBeUndefined();
    expect(await at.safe().shelf.list()).toEqual([]);
    expect((await people().find(known.id))?.value.password?.state).toBe("closed");
    await expect.poll(() => running.available(), { timeout: 5_000 }).toBe(false);
    await expect(running.verify(known.username, RIGHT, "10.1.1.1")).rejects.toEqual(refusal("not_found"));
    expect(await seal(at.safe())).toMatchObject({ seal: "sealed" });
  });

  it("refuses hashes afterwards, and takes accounts without", async () => {
    await expect(currentKey(at.safe())).rejects.toEqual(refusal("passwords_sealed"));
    await expect(purge(at.safe())).rejects.toEqual(refusal("passwords_sealed"));
    expect(await bring(hashes(), { username: fresh("x"), password_hash: HASHES.bcrypt })).toEqual([
      "passwords_sealed",
    ]);
    expect(await bring(hashes(), { username: fresh("x") })).toEqual([]);
  });

  it("SEC-142 what an instance writes that slept through it nobody can read, and it is swept", async () => {
    const { id, key } = asleep;
    const record = verifierRecord.encode(sealVerifier(key, id, HASHES.bcrypt));
    await at.store.write(verifierRecord.key(id), record);
    expect(await readKey(at.safe(), key.id)).toBeUndefined();
    expect(await people().sweep()).toBeGreaterThan(0);
    await expect.poll(() => readVerifier(at.store, id)).toBeUndefined();
  });

  it("SEC-142 an account whose import slept through it counts as closed at once, and its document becomes so", async () => {
    const late = await createImported(at.safe(), { username: fresh("late"), password: true }, async () => {});
    const existing = await accountRecord.read(at.store, late.id);
    expect(existing?.value.password?.state).toBe("open");
    const now = Date.now();
    const exported: string[] = [];
    const status = await passwordStatus(people().list(), { sealed: true, now }, ({ id, password }) => {
      if (password?.state === "open") exported.push(id);
    });
    expect(status).toMatchObject({ password_only: 0, password_and_passkey: 0, stuck: { unreachable: 0 } });
    expect(exported).toEqual([]);
    // The control: the same accounts of a store that is open.
    expect(await passwordStatus(people().list(), { sealed: false, now })).toMatchObject({ password_only: 1 });

    await people().sweep();
    expect((await people().find(late.id))?.value.password?.state).toBe("closed");
    expect(await passwordStatus(people().list(), { sealed: false, now })).toMatchObject({ password_only: 0 });
  });

  it("SEC-142 sealing again closes what came meanwhile, and refuses nothing", async () => {
    const late = await createImported(at.safe(), { username: fresh("late"), password: true }, async () => {});
    expect(await seal(at.safe())).toMatchObject({ seal: "sealed", keys: [] });
    expect((await people().find(late.id))?.value.password?.state).toBe("closed");
  });

  it("a sweep closes no password of a store that is not sealed", async () => {
    const sealed = await passwordState.read(at.store, STATE);
    const late = await createImported(at.safe(), { username: fresh("late"), password: true }, async () => {});
    await at.store.write(
      passwordState.key(STATE),
      passwordState.encode({ seal: "open", since: 1, keys: [] }),
    );
    await people().sweep();
    expect((await people().find(late.id))?.value.password?.state).toBe("open");
    await people().dropPassword(late.id);
    await at.store.write(passwordState.key(STATE), passwordState.encode(sealed!.value));
  });

  it("a seal that was killed halfway is finished by the next one", async () => {
    const state = passwordState.encode({ seal: "sealing", since: 1, keys: ["k"] });
    await at.store.write(passwordState.key(STATE), state);
    expect(await seal(at.safe())).toMatchObject({ seal: "sealed", keys: [] });
  });
});
