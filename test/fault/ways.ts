/** Steps on the way out of passwords and on the way back in: the proof that ends a conversion, and a recovery code. */
import assert from "node:assert/strict";
import { newCode } from "../../src/account/typed-code.ts";
import { readVerifier } from "../../src/password/verifiers.ts";
import type { Answer, Browser } from "../support/browser.ts";
import { imported, OLD_PASSWORD } from "../support/imported.ts";
import type { Running } from "../support/installation.ts";
import type { Flow, Mortal } from "../support/mortal.ts";

/** The address that a page posts something to. */
function address(page: Answer, attribute: string): string {
  const [, found] = new RegExp(`${attribute}="([^"]+)"`).exec(page.text) ?? [];
  assert.ok(found, `no ${attribute} on this page: ${page.text.slice(0, 500)}`);
  return found.replaceAll("&amp;", "&");
}

function typePassword(browser: Browser, page: Answer, username: string): Promise<Answer> {
  return browser.post(address(page, "data-password"), { username, password: OLD_PASSWORD });
}

export async function passwordOpens({ browser }: Mortal, username: string): Promise<boolean> {
  const visitor = browser();
  const page = await visitor.open("/sign-in");
  // Without any password left, the page has no box for one.
  if (!page.text.includes("data-password")) return false;
  return (await typePassword(visitor, page, username)).status === 200;
}

async function passkeyOpens({ app, browser }: Mortal, person: Browser): Promise<boolean> {
  const visitor = browser(person.authenticator);
  return (await visitor.perform(await visitor.open((await app.request()).url))).status === 200;
}

interface Converting {
  id: string;
  username: string;
  person: Browser;
  page: Answer;
}

/** What ended is ended at rest, too, once the sweeper has been there. */
async function erased({ installation, store }: Mortal, id: string): Promise<void> {
  const account = (await installation.accounts.find(id))?.value;
  await installation.accounts.sweep();
  // What is swept is there for a moment more.
  for (let look = 0; look < 200; look++) {
    const verifier = await readVerifier(store.store, id);
    if ((verifier?.value.sealed !== undefined) === (account?.password?.state === "open")) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`the verifier of a password that is ${account?.password?.state}`);
}

const typed: Flow<{ id: string; username: string; person: Browser; page: Answer }> = {
  name: "the password of a conversion",
  async prepare(mortal) {
    const { id, username } = await imported(mortal as unknown as Running);
    const person = mortal.browser();
    return { id, username, person, page: await person.open("/sign-in") };
  },
  act: async (_, { username, person, page }) => (await typePassword(person, page, username)).status === 200,
  async check(mortal, { id, username }) {
    assert.ok(await passwordOpens(mortal, username), "no way in is left");
    const account = (await mortal.installation.accounts.find(id))?.value;
    assert.deepEqual([account?.password?.state, account?.passkeys], ["open", []]);
    await erased(mortal, id);
  },
};

interface Proving {
  id: string;
  username: string;
  person: Browser;
  page: Answer;
  pass: string;
}

const confirmation: Flow<Proving> = {
  name: "the second proof of a conversion",
  async prepare(mortal) {
    const { id, username } = await imported(mortal as unknown as Running, { groups: ["proven"] });
    const { pass } = await mortal.installation.accounts.issuePass(id, { ttl: 600_000, by: "cli" });
    const person = mortal.browser();
    const answer = await typePassword(person, await person.open("/sign-in"), username);
    assert.equal(answer.status, 200, answer.text);
    return { id, username, person, pass, page: await person.open(String(answer.json().location)) };
  },
  act: async (_, { person, page, pass }) =>
    (await person.post(address(page, "data-decision"), { code: pass })).status === 200,
  async check(mortal, { id, username, pass }, acknowledged) {
    assert.ok(await passwordOpens(mortal, username), "no way in is left");
    const again = async (code: string) => {
      const visitor = mortal.browser();
      const answer = await typePassword(visitor, await visitor.open("/sign-in"), username);
      const page = await visitor.open(String(answer.json().location));
      return (await visitor.post(address(page, "data-decision"), { code })).status;
    };
    const second = await again(pass);
    assert.ok([200, 401].includes(second), `second use: ${second}`);
    if (acknowledged) assert.equal(second, 401, "a pass was used twice");
    const { pass: fresh } = await mortal.installation.accounts.issuePass(id, { ttl: 600_000, by: "cli" });
    assert.equal(await again(fresh), 200, "a new pass does not help");
  },
};

const enrolment: Flow<Converting> = {
  name: "the passkey of a conversion",
  async prepare(mortal) {
    const { id, username } = await imported(mortal as unknown as Running);
    const person = mortal.browser();
    const answer = await typePassword(person, await person.open("/sign-in"), username);
    assert.equal(answer.status, 200, answer.text);
    return { id, username, person, page: await person.open(String(answer.json().location)) };
  },
  act: async (_, { person, page }) => (await person.perform(page)).status === 200,
  async check(mortal, { username, person }, acknowledged) {
    const passkey = await passkeyOpens(mortal, person);
    assert.ok(passkey || !acknowledged, "an acknowledged passkey is lost");
    assert.ok(passkey || (await passwordOpens(mortal, username)), "no way in is left");
  },
};

const conversion: Flow<Converting> = {
  name: "the end of a conversion",
  async prepare(mortal) {
    const begun = await enrolment.prepare(mortal);
    return { ...begun, page: await begun.person.complete(begun.page) };
  },
  act: async (_, { person, page }) => (await person.perform(page)).status === 200,
  async check(mortal, { id, username, person }, acknowledged) {
    const password = await passwordOpens(mortal, username);
    assert.ok(!password || !acknowledged, "a password that was removed signs in");
    assert.ok(await passkeyOpens(mortal, person), "the passkey is lost");
    const account = (await mortal.installation.accounts.find(id))?.value;
    assert.ok(account?.password?.state === (password ? "open" : "closed"), "account and password disagree");
    await erased(mortal, id);
  },
};

interface Forgetful {
  person: Browser;
  username: string;
  code: string;
  page: Answer;
}

/** Somebody at the page of the typed codes; `issue` makes one for an account. */
async function forgetful(mortal: Mortal, issue: (id: string) => Promise<string>): Promise<Forgetful> {
  const person = mortal.browser();
  const username = `forgetful${Math.random().toString(36).slice(2)}`;
  await person.complete(await person.open("/sign-up"), { username });
  const id = (await mortal.installation.accounts.findByLogin(username))?.value.id ?? "";
  const code = await issue(id);
  const visitor = mortal.browser();
  return { person: visitor, username, code, page: await visitor.open("/sign-in/recover") };
}

const removal: Flow<Converting> = {
  name: "the removal of a password",
  async prepare(mortal) {
    const { id, username } = await imported(mortal as unknown as Running, { groups: ["helped"] });
    const invited = await mortal.installation.invitations.issue({ account: id }, 600_000);
    const person = mortal.browser();
    await person.complete(await person.open(`/invite/${invited.token}`));
    return { id, username, person, page: await person.submit("/account/password/remove") };
  },
  act: conversion.act,
  check: conversion.check,
};

const recoveryCode: Flow<Forgetful> = {
  name: "use of a recovery code",
  prepare: (mortal) =>
    forgetful(mortal, async (id) => {
      const codes = Array.from({ length: 10 }, newCode);
      await mortal.installation.accounts.setRecoveryCodes(id, codes);
      return codes[0] as string;
    }),
  act: async (_, { person, page, username, code }) =>
    (await person.post(address(page, "data-decision"), { username, code })).status === 200,
  async check({ browser }, { username, code }, acknowledged) {
    const again = async () => {
      const visitor = browser();
      const page = await visitor.open("/sign-in/recover");
      return (await visitor.post(address(page, "data-decision"), { username, code })).status;
    };
    const second = await again();
    assert.ok([200, 401].includes(second), `second use: ${second}`);
    if (acknowledged) assert.equal(second, 401, "a recovery code was used twice");
    assert.equal(await again(), 401, "a recovery code can be used for ever");
  },
};

const pass: Flow<Forgetful> = {
  ...recoveryCode,
  name: "use of a pass",
  prepare: (mortal) =>
    forgetful(mortal, async (id) => {
      const issued = await mortal.installation.accounts.issuePass(id, { ttl: 600_000, by: "cli" });
      return issued.pass;
    }),
};

export const ways = [typed, confirmation, enrolment, conversion, removal, recoveryCode, pass] as Flow[];
