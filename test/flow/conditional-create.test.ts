/** Right after a password was typed, a password manager may make the passkey by itself; there, and nowhere else. */
import { describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { type Answer, type Browser, ceremonyOf } from "../support/browser.ts";
import { attribute, begin, conditionalOf } from "../support/conversion.ts";
import { imported } from "../support/imported.ts";
import { scene } from "../support/scene.ts";
import { stores } from "../support/stores.ts";

const NOBODY_THERE = { userPresent: false, userVerified: false };

describe.each(stores)("conditional create over $name", (kind) => {
  const here = scene(kind);

  const account = async (id: string) => (await here.running.installation.accounts.find(id))?.value;

  /** What a password manager posts that made the passkey for itself. */
  function silently(browser: Browser, options: object, action: string): Promise<Answer> {
    const response = browser.authenticator.create(options as never, here.running.issuer, NOBODY_THERE);
    return browser.post(action, { response });
  }
  const refusal = (answer: Answer) => [answer.status, answer.json().code];

  it("SEC-40 makes the passkey, which still has to verify its user before the password goes", async () => {
    const before = await imported(here.running);
    const jane = here.running.browser();
    const { request, next } = await begin(here.app, jane, before.username);
    const { action, options } = conditionalOf(next);
    expect(options.authenticatorSelection.userVerification).toBe("preferred");
    const made = await silently(jane, options, action);
    expect(made.status, made.text).toBe(200);

    const prove = await jane.open(String(made.json().location));
    expect(prove.text).toContain("<h1>Use your new passkey</h1>");
    const unverified = await jane.perform(prove, {}, { userVerified: false });
    expect(refusal(unverified)).toEqual([401, "authentication_failed"]);
    expect((await account(before.id))?.password?.state).toBe("open");

    const home = await jane.complete(await jane.open(prove.url));
    const { idToken } = await here.app.tokens(request, home);
    expect(idToken).toMatchObject({ sub: before.id, acr: "phr" });
    expect(await account(before.id)).toMatchObject({
      password: { state: "closed" },
      passkeys: [{ state: "active", addedBy: "conversion" }],
    });
  });

  it("SEC-15 SEC-16 with nobody there is refused for any other challenge of the page, whatever address it is posted to", async () => {
    const before = await imported(here.running);
    const jane = here.running.browser();
    const { next } = await begin(here.app, jane, before.username);
    const enrol = () => jane.open(next.url);
    const modal = ceremonyOf(next);
    expect(refusal(await silently(jane, modal.options, modal.action))).toEqual([400, "registration_refused"]);

    const fresh = await enrol();
    const { action } = conditionalOf(fresh);
    expect(refusal(await silently(jane, ceremonyOf(fresh).options, action))).toEqual([
      400,
      "ceremony_expired",
    ]);

    const third = await enrol();
    const swapped = await silently(jane, conditionalOf(third).options, ceremonyOf(third).action);
    expect(refusal(swapped)).toEqual([400, "ceremony_expired"]);
    expect((await account(before.id))?.passkeys).toEqual([]);

    const last = await enrol();
    expect((await silently(jane, conditionalOf(last).options, conditionalOf(last).action)).status).toBe(200);
  });

  it("SEC-15 is not offered on the way back in, and a challenge of the password's does not work there", async () => {
    const before = await imported(here.running);
    const jane = here.running.browser();
    const { next } = await begin(here.app, jane, before.username);
    const { action, options } = conditionalOf(next);
    const { pass } = await here.running.installation.accounts.issuePass(before.id, {
      ttl: 60_000,
      by: "cli",
    });
    const path = new URL(next.url).pathname.replace(/enrol$/, "recover");
    const back = await jane.post(path, { username: before.username, code: pass });
    const enrol = await jane.open(String(back.json().location));
    expect(enrol.text).toContain("<h1>Create a passkey</h1>");
    expect(attribute(enrol, "data-conditional")).toBeUndefined();
    expect(refusal(await silently(jane, options, action))).toEqual([400, "ceremony_expired"]);
    expect((await account(before.id))?.passkeys).toEqual([]);
    const made = await jane.perform(await jane.open(enrol.url));
    expect(made.status, made.text).toBe(200);
  });

  it("SEC-15 makes no new account", async () => {
    const stranger = here.running.browser();
    const page = await stranger.open("/sign-up");
    const { options, action } = ceremonyOf(page);
    const separator = action.includes("?") ? "&" : "?";
    const response = stranger.authenticator.create(options, here.running.issuer, NOBODY_THERE);
    const answer = await stranger.post(`${action}${separator}mediation=conditional`, {
      response,
      email: "stranger@example.com",
    });
    expect(refusal(answer)).toEqual([400, "registration_refused"]);
    await stranger.complete(await stranger.open("/sign-up"), { email: "stranger@example.com" });
  });
});
