import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { accountRecord } from "../../src/account/account.ts";
import { claim, claimsOf, handleClaim, usernameHint } from "../../src/account/directory.ts";
import type { Event } from "../../src/events.ts";
import { newVersion } from "../../src/store/record.ts";
import { stores } from "../support/stores.ts";
import { fresh, meddled, person, place, refusal } from "./people.ts";
import { passkey } from "./samples.ts";

describe.each(stores)("creating an account on $name", ({ open }) => {
  const at = place(open);

  it("gives an active account that is found by everything it is called", async () => {
    const handle = randomBytes(32).toString("base64url");
    const [email, credential] = [`${fresh("Jane")}@Example.com`, fresh("c")];
    const input = { handle, username: fresh("Jane"), name: " Jane ", email, emailVerified: true };
    const jane = await at.here().create({ ...input, groups: ["staff"], passkey: passkey(credential) });
    expect(jane).toMatchObject({
      id: handle,
      handle,
      state: "active",
      name: "Jane",
      email,
      groups: ["staff"],
    });
    for (const found of [
      await at.here().find(handle),
      await at.here().findByHandle(handle),
      await at.here().findByCredential(credential),
      await at.here().findByLogin(` ${input.username.toUpperCase()} `),
      await at.here(at.other).findByLogin(email.toUpperCase()),
    ]) {
      expect(found?.value).toEqual(jane);
    }
  });

  it("logs and announces the creation once", async () => {
    const jane = await at.here().create(person());
    const about = (event: Event) => event.account === jane.id;
    expect(at.told.filter(about)).toMatchObject([{ type: "account.created", subject: jane.passkeys[0]?.id }]);
    expect(await at.logged(jane.id)).toEqual(at.told.filter(about));
  });

  it("finds no unverified address, and lets many have it", async () => {
    const email = `${fresh("shared")}@example.com`;
    await at.here().create(person({ email }));
    await at.here().create(person({ email }));
    expect(await at.here().findByLogin(email)).toBeUndefined();
    const owner = await at.here().create(person({ email, emailVerified: true }));
    expect((await at.here().findByLogin(email))?.value.id).toBe(owner.id);
  });

  it("SEC-57 refuses a chosen username that is taken, in whatever spelling", async () => {
    const username = fresh("jane");
    await at.here().create(person({ username }));
    for (const same of [username, username.toUpperCase(), username.replace("j", "ｊ")]) {
      await expect(at.here().create(person({ username: same }))).rejects.toThrow(refusal("username_taken"));
    }
    await expect(at.here().create(person({ username: `${username} ` }))).rejects.toThrow(
      refusal("username_invalid"),
    );
    await expect(at.here().create(person({ username: `${username}-2` }))).resolves.toBeDefined();
  });

  it("SEC-57 refuses a verified address that is taken, in whatever spelling", async () => {
    const email = `${fresh("jane")}@example.com`;
    await at.here().create(person({ email, emailVerified: true }));
    const again = person({ email: ` ${email.toUpperCase()} `, emailVerified: true });
    await expect(at.here().create(again)).rejects.toThrow(refusal("email_taken"));
  });

  it("SEC-25 refuses a credential that is registered, and leaves its owner alone", async () => {
    const first = await at.here().create(person());
    const copied = person({ passkey: passkey(first.passkeys[0]!.id, { publicKey: "stolen" }) });
    await expect(at.here().create(copied)).rejects.toThrow(refusal("credential_registered"));
    expect((await at.here().findByCredential(first.passkeys[0]!.id))?.value).toEqual(first);
    expect(await at.here().findByLogin(copied.username)).toBeUndefined();
  });

  it("leaves nothing behind when it is refused: the same name and handle work at once", async () => {
    const taken = (await at.here().create(person())).passkeys[0]!.id;
    const handle = randomBytes(32).toString("base64url");
    const input = person({ handle });
    await expect(at.here().create({ ...input, passkey: passkey(taken) })).rejects.toThrow();
    await expect.poll(() => at.store.read(accountRecord.key(handle))).toBeUndefined();
    await expect(at.here().create(input)).resolves.toMatchObject({ id: handle, username: input.username });
  });

  it("refuses a handle that has an account", async () => {
    const { handle } = await at.here().create(person());
    await expect(at.here().create(person({ handle }))).rejects.toThrow(refusal("account_exists"));
  });

  it("refuses names that are none before it writes anything", async () => {
    const handle = randomBytes(32).toString("base64url");
    await expect(at.here().create(person({ handle, email: "nobody" }))).rejects.toThrow(
      refusal("email_invalid"),
    );
    await expect(at.here().create(person({ handle, name: "a\0" }))).rejects.toThrow(refusal("name_invalid"));
    await expect(at.here().create(person({ handle: "short" }))).rejects.toThrow(TypeError);
    expect(await at.store.read(accountRecord.key(handle))).toBeUndefined();
  });

  it("derives a username from the address, the next one when it is taken", async () => {
    const local = fresh("ada");
    const named = async () =>
      (await at.here().create(person({ username: "", email: `${local}@example.com` }))).username;
    expect([await named(), await named(), await named()]).toEqual([local, `${local}-2`, `${local}-3`]);
  });

  it("still finds a username for the twentieth of one name", async () => {
    const email = `${fresh("crowd")}@example.com`;
    const crowd = Array.from({ length: 20 }, () => at.here().create(person({ username: undefined, email })));
    const names = (await Promise.all(crowd)).map(({ username }) => username);
    expect(new Set(names).size).toBe(20);
  });

  it("does not make an account whose pending document expired on the way", async () => {
    const handle = randomBytes(32).toString("base64url");
    let commits = 0;
    const slow = meddled(at.store, "commit", async () => {
      // The third commit claims the username; time runs out just before.
      if (++commits === 3) await at.store.remove(accountRecord.key(handle));
    });
    const input = person({ handle });
    await expect(at.here(slow).create(input)).rejects.toThrow(refusal("ceremony_expired"));
    expect(await at.here().find(handle)).toBeUndefined();
    await expect(at.here().create(person({ username: input.username }))).resolves.toBeDefined();
  });

  it("hides a pending account from everybody who wants to sign in", async () => {
    const input = { ...person(), handle: randomBytes(32).toString("base64url") };
    const credential = input.passkey.id;
    const seen: boolean[] = [];
    const watched = meddled(at.store, "commit", async (key) => {
      if (key !== usernameHint.key(input.username)) return;
      for (const found of [
        await at.here().find(input.handle),
        await at.here().findByHandle(input.handle),
        await at.here().findByCredential(credential),
      ]) {
        seen.push(found !== undefined);
      }
    });
    await at.here(watched).create(input);
    // That somebody holds the credential is no secret to its holder: no signal may tell him to forget it.
    expect(seen).toEqual([false, false, true]);
    expect(await at.here().find(input.handle)).toBeDefined();
  });

  it("finds an account whose handle is not its id by a hint, as long as the account names it back", async () => {
    const made = await at.here().create(person());
    const foreign = {
      ...made,
      id: fresh("imported"),
      handle: fresh("handle"),
      username: fresh("imported"),
    };
    const how = () => ({ expect: "absent" as const, version: newVersion() });
    await at.store.commit(accountRecord.key(foreign.id), accountRecord.encode(foreign), how());
    expect(await at.here().findByHandle(foreign.handle)).toBeUndefined();
    expect(claimsOf(foreign).map(({ record }) => record.kind)).toContain("handle");
    expect(await claim(at.store, handleClaim(foreign.handle), foreign.id)).toBe(true);
    expect((await at.here().findByHandle(foreign.handle))?.value.id).toBe(foreign.id);
    expect(await at.here().findByHandle(foreign.id)).toBeUndefined();
    await at.store.write(
      accountRecord.key(foreign.id),
      accountRecord.encode({ ...foreign, handle: "other" }),
    );
    expect(await at.here().findByHandle(foreign.handle)).toBeUndefined();
  });
});
