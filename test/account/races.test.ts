import { describe, expect, it } from "vitest";
import type { Account } from "../../src/account/account.ts";
import { stores } from "../support/stores.ts";
import { fresh, type Place, person, place } from "./people.ts";
import { passkey } from "./samples.ts";

describe.each(stores)("accounts that are raced for on $name", ({ open }) => {
  const at = place(open);

  const outcomes = async (racers: Promise<Account>[]) => {
    const settled = await Promise.allSettled(racers);
    const won = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    const lost = settled.flatMap((one) => (one.status === "rejected" ? [one.reason.code] : []));
    return { won, lost: [...new Set(lost)] };
  };
  const twenty = (racer: (people: ReturnType<Place["here"]>, n: number) => Promise<Account>) =>
    Array.from({ length: 20 }, (_, n) => racer(at.here(n % 2 ? at.other : at.store), n));

  it("twenty who choose one username give one account", async () => {
    const username = fresh("wanted");
    const { won, lost } = await outcomes(twenty((people) => people.create(person({ username }))));
    expect(won).toHaveLength(1);
    expect(lost).toEqual(["username_taken"]);
    expect((await at.here().findByLogin(username))?.value.id).toBe(won[0]?.id);
  });

  it("SEC-25 twenty who bring one credential give one account", async () => {
    const credential = fresh("credential");
    const bring = () => person({ passkey: passkey(credential) });
    const { won, lost } = await outcomes(twenty((people) => people.create(bring())));
    expect(won).toHaveLength(1);
    expect(lost).toEqual(["credential_registered"]);
    expect((await at.here().findByCredential(credential))?.value.id).toBe(won[0]?.id);
  });

  it("SEC-25 twenty accounts that add one credential give one passkey", async () => {
    const credential = fresh("credential");
    const ids = (await Promise.all(twenty((people) => people.create(person())))).map(({ id }) => id);
    const { won, lost } = await outcomes(
      twenty((people, n) => people.addPasskey(ids[n]!, passkey(credential))),
    );
    expect(won).toHaveLength(1);
    expect(lost).toEqual(["credential_registered"]);
    expect((await at.here().findByCredential(credential))?.value.id).toBe(won[0]?.id);
    const left = await Promise.all(ids.map(async (id) => (await at.here().find(id))?.value.passkeys.length));
    expect(left.sort()).toEqual([...Array(19).fill(1), 2]);
  });

  it("SEC-37 passkeys added at once stop at twenty", async () => {
    const { id } = await at.here().create(person());
    for (let n = 1; n < 18; n++) await at.here().addPasskey(id, passkey(fresh("c")));
    const six = Array.from({ length: 6 }, () => at.here().addPasskey(id, passkey(fresh("c"))));
    const { won, lost } = await outcomes(six);
    expect(won).toHaveLength(2);
    expect(lost).toEqual(["passkey_limit"]);
    expect((await at.here().find(id))?.value.passkeys.filter(({ state }) => state === "active")).toHaveLength(
      20,
    );
  });

  it("SEC-41 of two passkeys removed at once, exactly one stays", async () => {
    for (let round = 0; round < 5; round++) {
      const { id, passkeys } = await at.here().create(person());
      const [one, two] = [passkeys[0]!.id, fresh("second")];
      await at.here().addPasskey(id, passkey(two));
      const { won, lost } = await outcomes([
        at.here().removePasskey(id, one),
        at.here(at.other).removePasskey(id, two),
      ]);
      expect(won).toHaveLength(1);
      expect(lost).toEqual(["last_way_in"]);
    }
  });
});
