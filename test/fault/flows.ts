/**
 * The steps that must be all or nothing, each with what must hold after the server died in its midst. Those on the way
 * out of passwords and back in are in `ways.ts`; a room that has another such step adds its flow.
 */
import assert from "node:assert/strict";
import { SoftwareAuthenticator } from "../../src/testing.ts";
import { type Answer, type Browser, ceremonyOf } from "../support/browser.ts";
import type { Flow, Mortal } from "../support/mortal.ts";
import type { Request } from "../support/relying-party.ts";

let count = 0;
const address = () => `person${++count}@example.com`;

/** Tries to sign in: true when it worked, false when it was refused; anything else is a failure. */
async function signsIn({ app, browser }: Mortal, authenticator: SoftwareAuthenticator): Promise<boolean> {
  const visitor = browser(authenticator);
  const request = await app.request();
  const answer = await visitor.perform(await visitor.open(request.url));
  assert.ok([200, 401].includes(answer.status), `sign-in: ${answer.status} ${answer.text}`);
  if (answer.status === 401) return false;
  await app.tokens(request, await visitor.open(String(answer.json().location)));
  return true;
}

async function signedUp({ app, browser }: Mortal, email = address()): Promise<Browser> {
  const person = browser();
  await app.signUp(person, { email });
  return person;
}

const registration: Flow<{ person: Browser; page: Answer; email: string }> = {
  name: "registration",
  async prepare({ app, browser }) {
    const person = browser();
    const page = await person.open((await app.request({ prompt: "create" })).url);
    return { person, page, email: address() };
  },
  act: async (_, { person, page, email }) => (await person.perform(page, { email })).status === 200,
  async check(mortal, { person, email }, acknowledged) {
    const works = await signsIn(mortal, person.authenticator);
    assert.ok(works || !acknowledged, "an acknowledged passkey is lost");
    // Whoever was not answered does it again, with the same address.
    await signedUp(mortal, email);
  },
};

const addition: Flow<{ person: Browser; page: Answer; device: SoftwareAuthenticator }> = {
  name: "a further passkey",
  async prepare(mortal) {
    const person = await signedUp(mortal);
    const page = await person.complete(await person.submit("/account/passkeys/add"));
    return { person, page, device: new SoftwareAuthenticator() };
  },
  async act({ issuer }, { person, page, device }) {
    const { action, options } = ceremonyOf(page);
    return (await person.post(action, { response: device.create(options, issuer) })).status === 200;
  },
  async check(mortal, { person, device }, acknowledged) {
    const works = await signsIn(mortal, device);
    assert.ok(works || !acknowledged, "an acknowledged passkey is lost");
    assert.ok(await signsIn(mortal, person.authenticator), "the first passkey is lost");
  },
};

const removal: Flow<{ person: Browser; page: Answer; device: SoftwareAuthenticator }> = {
  name: "removal of a passkey",
  async prepare(mortal) {
    const { person, page, device } = await addition.prepare(mortal);
    assert.ok(await addition.act(mortal, { person, page, device }));
    const { credentialId } = person.authenticator as unknown as { credentialId?: string };
    const id = credentialId ?? (await firstPasskey(mortal, person));
    return { person, page: await person.submit(`/account/passkeys/${id}/remove`), device };
  },
  act: async (_, { person, page }) => (await person.perform(page)).status === 200,
  async check(mortal, { person, device }, acknowledged) {
    const works = await signsIn(mortal, person.authenticator);
    assert.ok(!works || !acknowledged, "a removed passkey signs in");
    assert.ok(await signsIn(mortal, device), "the last passkey is lost");
  },
};

async function firstPasskey({ installation }: Mortal, person: Browser): Promise<string> {
  const home = await person.open("/account");
  const [, id = ""] = /\/account\/passkeys\/([\w-]+)\/remove/.exec(home.text) ?? [];
  assert.ok(id, "no passkey on the page");
  const found = await installation.accounts.findByCredential(id);
  const [first] = found?.value.passkeys ?? [];
  return first?.id ?? id;
}

const signIn: Flow<{ person: Browser; page: Answer; body: object }> = {
  name: "sign-in",
  async prepare(mortal) {
    const person = await signedUp(mortal);
    const visitor = mortal.browser(person.authenticator);
    const page = await visitor.open((await mortal.app.request()).url);
    return { person: visitor, page, body: { response: visitor.respond(page) } };
  },
  act: async (_, { person, page, body }) => (await person.post(ceremonyOf(page).action, body)).status === 200,
  async check(mortal, { person, page, body }, acknowledged) {
    const again = await person.post(ceremonyOf(page).action, body);
    if (acknowledged) assert.notEqual(again.status, 200, "one proof signed in twice");
    assert.ok(await signsIn(mortal, person.authenticator), "the passkey is lost");
  },
};

const exchange: Flow<{ request: Request; parameters: URLSearchParams }> = {
  name: "code exchange",
  async prepare(mortal) {
    const [request, answer] = await mortal.app.authorize(await signedUp(mortal));
    return { request, parameters: mortal.app.callback(request, answer) };
  },
  act: async ({ app }, { request, parameters }) => (await app.redeem(request, parameters)).status === 200,
  async check({ app }, { request, parameters }, acknowledged) {
    const again = await app.redeem(request, parameters);
    assert.ok([200, 400].includes(again.status), `second exchange: ${again.status}`);
    if (acknowledged) assert.notEqual(again.status, 200, "a code was used twice");
    assert.equal((await app.redeem(request, parameters)).status, 400, "a code can be used for ever");
  },
};

const refresh: Flow<string> = {
  name: "refresh",
  async prepare(mortal) {
    const tokens = await mortal.app.signIn(await signedUp(mortal), { scope: "openid offline_access" });
    return String(tokens.response.refresh_token);
  },
  act: async ({ app }, token) => (await app.refresh(token)).status === 200,
  async check({ app }, token, acknowledged) {
    const again = await app.refresh(token);
    assert.ok([200, 400].includes(again.status), `second refresh: ${again.status}`);
    if (acknowledged) assert.notEqual(again.status, 200, "a refresh token was used twice");
    assert.equal((await app.refresh(token)).status, 400, "a refresh token can be used for ever");
  },
};

export const flows = [registration, addition, removal, signIn, exchange, refresh] as Flow[];
