/**
 * What an installation acknowledged, counted from outside while its servers and its Redis are killed again and again:
 * accounts that were made, and codes that were redeemed, through HTTP; and durable changes of the store beside them.
 */
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import type { Browser } from "../support/browser.ts";
import { patiently, startJournal } from "../support/journal.ts";
import { type Mortal, startMortal } from "../support/mortal.ts";
import type { Request } from "../support/relying-party.ts";
import { stores } from "../support/stores.ts";
import { isWhole } from "./whole.ts";

vi.setConfig({ testTimeout: 600_000 });

const PEOPLE = 6;
const REGISTERED = 500;
const ACKNOWLEDGED = 10_000;
const KILLS = 12;

interface Told {
  registered: { username: string; authenticator: Browser["authenticator"] }[];
  redeemed: { request: Request; parameters: URLSearchParams }[];
}

/** Signs up as somebody new, and notes what was acknowledged on the way. */
async function signUp({ app, browser }: Mortal, username: string, told: Told): Promise<void> {
  const person = browser();
  const request = await app.request({ prompt: "create" });
  const answer = await person.perform(await person.open(request.url), { username });
  if (answer.status !== 200) throw new Error(`${answer.status}`);
  told.registered.push({ username, authenticator: person.authenticator });
  const parameters = app.callback(request, await person.open(String(answer.json().location)));
  if ((await app.redeem(request, parameters)).status === 200) told.redeemed.push({ request, parameters });
}

describe.each(stores)("F1, F15: a journal of what was acknowledged on $name", (kind) => {
  test("has ten thousand entries after many kills, none is lost, and nothing works twice", async () => {
    const mortal = await startMortal(kind);
    const { store, server: redis } = mortal.store;
    const journal = startJournal(store, 16);
    const told: Told = { registered: [], redeemed: [] };
    let going = true;
    const people = Array.from({ length: PEOPLE }, async (_, person) => {
      for (let i = 0; going; i++) {
        await signUp(mortal, `p${person}-${i}`, told).catch(() => pause(20));
      }
    });
    const all = () => journal.length + told.registered.length + told.redeemed.length;
    let kills = 0;
    while (kills < KILLS || told.registered.length < REGISTERED || all() < ACKNOWLEDGED) {
      const more = told.registered.length + 25;
      await vi.waitUntil(() => told.registered.length >= more, { timeout: 60_000 });
      if (redis && kills % 2 === 1) {
        await redis.kill();
        await redis.start();
      } else {
        await mortal.kill();
        await mortal.start();
      }
      kills++;
    }
    going = false;
    await Promise.all([...people, journal.stop()]);

    const lost: string[] = await journal.lost(store);
    for (const { username } of told.registered) {
      const found = await patiently(() => mortal.installation.accounts.findByLogin(username));
      if (found?.value.state !== "active" || found.value.passkeys[0]?.state !== "active") lost.push(username);
    }
    for (const { authenticator, username } of told.registered.slice(-20)) {
      const visitor = mortal.browser(authenticator);
      const page = await visitor.open((await mortal.app.request()).url);
      if ((await visitor.perform(page)).status !== 200) lost.push(`${username} cannot sign in`);
    }
    const twice: number[] = [];
    for (const { request, parameters } of told.redeemed) {
      const { status } = await mortal.app.redeem(request, parameters);
      if (status !== 400) twice.push(status);
    }
    process.stdout.write(
      `journal on ${kind.name}: ${all()} acknowledged (${told.registered.length} accounts, ` +
        `${told.redeemed.length} codes), ${kills} kills, ${lost.length} lost, ${twice.length} used twice\n`,
    );
    expect({ lost, twice }).toEqual({ lost: [], twice: [] });
    await isWhole(mortal.store);
    await mortal.stop();
  });
});
