/** Accounts by invitation, where nobody may sign up otherwise. */
import { describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import type { Invitation } from "../../src/account/invitations.ts";
import { ceremonyOf } from "../support/browser.ts";
import { imported } from "../support/imported.ts";
import { scene } from "../support/scene.ts";
import { stores } from "../support/stores.ts";

const HOUR = 60 * 60 * 1000;

describe.each(stores)("an invitation over $name", (kind) => {
  const here = scene(kind, { signUp: "invite" });

  const all = () => here.running.installation.accounts;
  async function invite(about: Omit<Invitation, "expires"> = {}, ttl = HOUR): Promise<string> {
    return `/invite/${(await here.running.installation.invitations.issue(about, ttl)).token}`;
  }
  const refusal = ({ status, text }: { status: number; text: string }) => [status, JSON.parse(text).code];

  it("makes an account with what the operator wrote, where a sign-up is closed to everybody else", async () => {
    expect((await here.running.browser().open("/sign-up")).status).toBe(403);
    const path = await invite({
      name: "Jane",
      email: "jane@example.com",
      emailVerified: true,
      groups: ["staff"],
    });
    const jane = here.running.browser();
    expect((await jane.open(path)).text).toContain('value="jane@example.com"');
    const home = await jane.complete(await jane.open(path));
    expect(new URL(home.url).pathname).toBe("/account");
    const account = (await all().findByLogin("jane@example.com"))?.value;
    expect(account).toMatchObject({ name: "Jane", emailVerified: true, groups: ["staff"], username: "jane" });
    expect(account?.passkeys).toMatchObject([{ addedBy: "invitation" }]);
    const [request, answer] = await here.app.authorize(here.running.browser(jane.authenticator), {});
    expect((await here.app.tokens(request, answer)).idToken.sub).toBe(account?.id);
  });

  it("vouches for the operator's address only, not for one that was typed in its place", async () => {
    const kim = here.running.browser();
    const path = await invite({ email: "kim@example.com", emailVerified: true });
    await kim.complete(await kim.open(path), { email: "victim@example.com", username: "kim" });
    const account = (await all().findByLogin("kim"))?.value;
    expect(account).toMatchObject({ email: "victim@example.com", emailVerified: false });
  });

  it("works once: of twenty who come with one link at the same moment one gets an account", async () => {
    const path = await invite({ groups: ["raced"] });
    const racers = Array.from({ length: 20 }, () => here.running.browser());
    const pages = await Promise.all(racers.map((racer) => racer.open(path)));
    const answers = await Promise.all(racers.map((racer, at) => racer.perform(pages[at]!)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const lost = answers.filter(({ status }) => status !== 200);
    for (const answer of lost) expect(refusal(answer)).toEqual([404, "invitation_invalid"]);
    let made = 0;
    for await (const { groups } of all().list()) if (groups.includes("raced")) made++;
    expect(made).toBe(1);
    expect((await here.running.browser().open(path)).status).toBe(404);
  });

  it("works again after a refusal that was nobody's fault, and tells the browser to forget the passkey", async () => {
    const [first, second] = [here.running.browser(), here.running.browser()];
    await first.complete(await first.open(await invite()), { username: "taken" });
    const path = await invite();
    const refused = await second.perform(await second.open(path), { username: "taken" });
    expect([...refusal(refused), refused.json().signal]).toEqual([409, "username_taken", "unknown"]);
    expect((await second.perform(await second.open(path), { username: "free" })).status).toBe(200);
  });

  it("expires, and is nothing for who guesses", async () => {
    const expired = await invite({}, 1);
    while ((await here.running.browser().open(expired)).status !== 404) await new Promise(setImmediate);
    expect((await here.running.browser().open(`/invite/${"A".repeat(43)}`)).status).toBe(404);
    const page = await here.running.browser().open(await invite());
    const stranger = here.running.browser();
    const answer = await stranger.post(ceremonyOf(page).action, {
      response: stranger.authenticator.create(ceremonyOf(page).options, here.running.issuer),
    });
    expect(refusal(answer)).toEqual([400, "ceremony_expired"]);
  });

  it("gives an account that an import brought its first passkey, beside its password, and no second one", async () => {
    const before = await imported(here.running);
    const path = await invite({ account: before.id });
    const again = await invite({ account: before.id });
    const jane = here.running.browser();
    const page = await jane.open(path);
    expect(page.text).toContain("<h1>Create a passkey</h1>");
    await jane.complete(page);
    const after = (await all().find(before.id))?.value;
    expect(after?.passkeys).toMatchObject([{ state: "active", addedBy: "invitation" }]);
    expect(after?.password?.state).toBe("open");
    expect((await here.running.browser().open(again)).status).toBe(404);
  });
});
