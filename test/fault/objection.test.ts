/** F15: a server that dies while the holder of a lost passkey undoes a recovery. */
import assert from "node:assert/strict";
import { expect, test, vi } from "vitest";
import { newCode } from "../../src/account/typed-code.ts";
import type { Answer, Browser } from "../support/browser.ts";
import { dieEverywhere, type Flow, type Mortal, startMortal } from "../support/mortal.ts";
import { type StoreKind, stores } from "../support/stores.ts";

vi.setConfig({ testTimeout: 120_000 });

interface Objecting {
  id: string;
  holder: Browser;
  thief: Browser;
  question: Answer;
}

function address(page: Answer, attribute: string): string {
  const [, found] = new RegExp(`${attribute}="([^"]+)"`).exec(page.text) ?? [];
  assert.ok(found, `no ${attribute} on this page: ${page.text.slice(0, 500)}`);
  return found.replaceAll("&amp;", "&");
}

const askAgain = async ({ browser }: Mortal, { authenticator }: Browser) => {
  const holder = browser(authenticator);
  return { holder, page: await holder.complete(await holder.open("/sign-in")) };
};

const objection: Flow<Objecting> = {
  name: "an objection",
  async prepare(mortal) {
    const { accounts } = mortal.installation;
    const owner = mortal.browser();
    const username = `owner${Math.random().toString(36).slice(2)}`;
    await owner.complete(await owner.open("/sign-up"), { username });
    const id = (await accounts.findByLogin(username))?.value.id ?? "";
    const code = newCode();
    await accounts.setRecoveryCodes(id, [code, newCode()]);
    const thief = mortal.browser();
    const answer = await thief.post("/sign-in/recover", { username, code });
    const enrol = await thief.open(String(answer.json().location));
    const lost = address(enrol, 'name="lost" value');
    await thief.complete(await thief.complete(enrol, { lost }));
    // What began in the very second in which all is ended goes on where the server dies before it is tidied away.
    const second = () => Math.floor(Date.now() / 1000);
    const begun = second();
    await vi.waitFor(() => assert.ok(second() > begun), { timeout: 5000, interval: 20 });
    const { holder, page } = await askAgain(mortal, owner);
    return { id, holder, thief, question: page };
  },
  act: async (_, { holder, question }) =>
    (await holder.post(address(question, "data-decision"), { decision: "cancel" })).status === 200,
  async check(mortal, { id, holder, thief }, acknowledged) {
    const read = async () => (await mortal.installation.accounts.find(id))?.value;
    const states = (await read())?.passkeys.map(({ state }) => state).join();
    if (states === "suspended,active") {
      assert.ok(!acknowledged, "a recovery that was undone stands");
      const again = await askAgain(mortal, holder);
      const answer = await again.holder.post(address(again.page, "data-decision"), { decision: "cancel" });
      assert.equal(answer.status, 200, answer.text);
    }
    const after = await read();
    assert.deepEqual(
      [after?.passkeys.map(({ state }) => state), after?.repair, after?.recoveryCodes],
      [["active"], undefined, undefined],
    );
    const refused = await thief.perform(await mortal.browser(thief.authenticator).open("/sign-in"));
    assert.equal(refused.status, 401, "what the recovery added signs in");
    assert.ok(new URL((await thief.open("/account")).url).pathname === "/sign-in", "its session goes on");
  },
};

test("SEC-133 an objection that a killed server was at is done or is not, and can be made again", async () => {
  const mortal = await startMortal(stores[0] as StoreKind);
  try {
    expect((await dieEverywhere(mortal, objection, ["after"], 4)).length).toBeGreaterThan(1);
  } finally {
    await mortal.stop();
  }
});
