/**
 * Everything that concerns the ways into one account at once, with an order of store calls that a seed decides:
 * converting, removing passkeys and the password, an operator's drop, signing in, importing again, sweeping.
 *
 * `RACE_RUNS` runs more of them, `RACE_SEED` repeats one.
 */
import { describe, expect, it } from "vitest";
import { type Account, accountRecord } from "../../src/account/account.ts";
import { type Accounts, accounts } from "../../src/account/accounts.ts";
import { sweepVerifiers } from "../../src/account/leftovers.ts";
import { dropPassword } from "../../src/account/password-way.ts";
import { LatchkeyError } from "../../src/errors.ts";
import { conversion } from "../../src/http/conversion/conversion.ts";
import type { House } from "../../src/http/page/house.ts";
import { importRow } from "../../src/import/importer.ts";
import { decoyOf } from "../../src/password/class.ts";
import { drop } from "../../src/password/drop.ts";
import { intake } from "../../src/password/intake.ts";
import type { Safe } from "../../src/password/keys.ts";
import { judgement, legacyPasswords } from "../../src/password/legacy.ts";
import { readVerifier } from "../../src/password/verifiers.ts";
import { fresh } from "../account/people.ts";
import { passkey } from "../account/samples.ts";
import { dice, Scheduler } from "../support/scheduler.ts";
import { stores } from "../support/stores.ts";
import { HASHES, place, RIGHT, withPassword } from "./place.ts";

const RUNS = Number(process.env.RACE_RUNS ?? 60);
const FIRST = Number(process.env.RACE_SEED ?? Date.now() % 1_000_000);
/** Half of them are the same each time, so that what was found once stays found; the others are new. */
const SEEDS = Array.from({ length: RUNS }, (_, n) =>
  n % 2 === 0 || process.env.RACE_SEED ? FIRST + n : 100 + n,
);
const guesses = { perAccount: { count: 1000, window: 60_000 }, perAddress: { count: 1000, window: 60_000 } };
const pace = { decoy: decoyOf("bcrypt:4")!, refusal: async () => {} };

/** What somebody does; `closed` tells when the end of the password was acknowledged. */
type Act = (safe: Safe, account: Account, closed: () => void) => Promise<unknown>;

const one = "00000000-0000-0000-0000-00000000000a";
const two = "00000000-0000-0000-0000-00000000000b";
const forget = (safe: Safe, id: string) => legacyPasswords({ ...safe, guesses }).forget(id);

const acts: Record<string, Act> = {
  async convert(safe, { id }, closed) {
    const people = accounts(safe);
    const made = passkey(fresh("made"), { aaguid: two, addedBy: "conversion" });
    await people.addPasskey(id, made);
    const house = {
      accounts: people,
      passwords: legacyPasswords({ ...safe, guesses }),
      clock: safe.clock,
      notify: async () => closed(),
      codeKey: "the key of the links in notices",
      issuer: new URL("https://id.example.com"),
    };
    const sitting = { purpose: "conversion", account: id, stage: "prove" } as const;
    await conversion.proved(house as unknown as House, sitting as never, { id } as Account, made);
  },
  async removePassword(safe, { id }, closed) {
    await accounts(safe).removePassword(id, () => ({ removal: "independent", codes: true }));
    await forget(safe, id);
    closed();
  },
  async drop(safe, account, closed) {
    const only: Accounts = {
      ...accounts(safe),
      async *list() {
        yield account;
      },
    };
    await drop(safe, only, {});
    closed();
  },
  removeFirst: (safe, { id, passkeys }) => accounts(safe).removePasskey(id, passkeys[0]?.id ?? "none"),
  removeSecond: (safe, { id, passkeys }) => accounts(safe).removePasskey(id, passkeys[1]?.id ?? "none"),
  async importAgain(safe, { username }) {
    const hashes = intake(safe, { memory: 64, time: 1000 });
    const hash = hashes.check(HASHES.slower);
    const end = await hashes.begin([hash]);
    await importRow({ ...safe, hashes }, { username, emailVerified: false, name: "Again" }, hash).finally(
      end,
    );
  },
  sweep: (safe) => sweepVerifiers(safe.store),
};

describe.each(stores)("the ways into an account on $name", ({ open }) => {
  const at = place(open);

  /** What must hold after every single store call. */
  async function holds(
    id: string,
    seen: { closed: boolean; acknowledged: boolean; dropped: boolean },
  ): Promise<void> {
    const account = (await accountRecord.read(at.store, id))!.value;
    const state = account.password?.state;
    if (seen.closed) expect(state, "a tombstone stays").toBe("closed");
    if (state === "closed") seen.closed = true;
    const verifier = (await readVerifier(at.store, id))?.value.sealed;
    const passkeys = account.passkeys.filter((held) => held.state === "active").length;
    if (state === "open" && passkeys === 0) expect(verifier, "a way in").toBeDefined();
    if (state !== "open" && !seen.dropped) expect(passkeys, "a way in").toBeGreaterThan(0);
  }

  async function race(seed: number): Promise<void> {
    const roll = dice(seed);
    const scheduler = new Scheduler(seed);
    const { id } = await withPassword(at.safe(), HASHES.bcrypt);
    for (const aaguid of [one, two].slice(0, roll(3))) {
      await accounts(at.safe()).addPasskey(id, passkey(fresh("had"), { aaguid }));
    }
    const account = (await accountRecord.read(at.store, id))!.value;
    const names = Object.keys(acts).filter(() => roll(2) === 0);
    const seen = { closed: false, acknowledged: false, dropped: names.includes("drop") };
    const actors = names.map((name) => (actor: number) => {
      const safe = { ...at.safe(scheduler.storeFor(actor, at.store)) };
      return acts[name]!(safe, account, () => {
        seen.acknowledged = true;
      });
    });
    /** Signs in again and again while the others are at it. */
    const visitor = async (actor: number) => {
      const safe = at.safe(scheduler.storeFor(actor, at.store));
      for (let n = 0; n < 3; n++) {
        const { acknowledged } = seen;
        const password = n === 1 ? RIGHT : "right";
        const signedIn = await judgement({ ...safe, guesses })(account.username, password, pace);
        if (acknowledged) expect(signedIn, "SEC-138 nobody signs in after the end").toBeUndefined();
      }
    };
    const outcomes = await scheduler.run([...actors, visitor], () => holds(id, seen));
    const faults = outcomes.filter((one) => one instanceof Error && !(one instanceof LatchkeyError));
    expect(faults, names.join(" ‖ ")).toEqual([]);
    const after = (await accountRecord.read(at.store, id))!.value;
    await expect
      .poll(async () => (await readVerifier(at.store, id)) !== undefined, { interval: 2 })
      .toBe(after.password?.state === "open");
  }

  it(`SEC-41 SEC-42 SEC-43 SEC-44 ${RUNS} schedules from seed ${FIRST} leave a way in and bring no verifier back`, async () => {
    for (const seed of SEEDS) {
      await race(seed).catch((error: Error) => {
        throw new Error(`RACE_SEED=${seed}: ${error.message}`, { cause: error });
      });
    }
  });

  it("the control: alone, a password that is open signs in, and one that is dropped does not", async () => {
    const { id, username } = await withPassword(at.safe(), HASHES.bcrypt);
    const judge = judgement({ ...at.safe(), guesses });
    expect((await judge(username, RIGHT, pace))?.value.id).toBe(id);
    await accounts(at.safe()).dropPassword(id);
    expect(await judge(username, RIGHT, pace)).toBeUndefined();
    expect(
      dropPassword((await accountRecord.read(at.store, id))!.value, { at: 0, event: "" }),
    ).toBeUndefined();
  });
});
