/** SEC-125 While passwords are guessed as fast as they can be, those who come with a passkey do not notice. */
import { hashSync } from "@node-rs/bcrypt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createImported } from "../../src/account/create.ts";
import { currentKey } from "../../src/password/keys.ts";
import { sealVerifier, verifierRecord } from "../../src/password/verifiers.ts";
import { passwordSafe } from "../../src/password-room.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { stores } from "../support/stores.ts";

/** As costly as imported hashes are. */
const HASH = hashSync("right", { cost: 9 });

describe.each(stores)("a flood of passwords on $name", (kind) => {
  let running: Running;
  beforeAll(async () => {
    running = await startInstallation(kind, {
      limits: { guesses: { perAccount: "100000/1m", perAddress: "100000/1m" }, ceremonies: "100000/1m" },
    });
    const safe = await passwordSafe(running.installation);
    await createImported(safe, { username: "jane", password: true }, async (id) => {
      const record = verifierRecord.encode(sealVerifier(await currentKey(safe), id, HASH));
      await safe.store.write(verifierRecord.key(id), record);
    });
  });
  afterAll(() => running.stop());

  it("waits in a short queue or is sent away; a sign-in by passkey goes on", async () => {
    const ada = running.browser();
    await ada.complete(await ada.open((await running.setup.issue()).url), {
      name: "Ada",
      email: "ada@example.com",
    });
    const mallory = running.browser();
    await expect.poll(async () => (await mallory.open("/sign-in")).text).toContain("data-password");
    const action = /data-password="([^"]+)"/.exec((await mallory.open("/sign-in")).text)?.[1] ?? "";
    const guess = () =>
      mallory
        .post(action.replaceAll("&amp;", "&"), { username: "jane", password: "wrong" })
        .then(({ status, ...answer }) => ({
          status,
          code: answer.json().code,
        }));

    const flood = Array.from({ length: 80 }, guess);
    const guessing = Promise.all(flood).then(() => "over");
    const browser = running.browser(ada.authenticator);
    const home = await browser.complete(await browser.open("/sign-in"));
    expect(home.status).toBe(200);
    expect(await Promise.race([guessing, Promise.resolve("going on")])).toBe("going on");
    const answers = await Promise.all(flood);
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    expect(count(401) + count(503)).toBe(80);
    expect(count(401)).toBeGreaterThanOrEqual(50);
    expect(answers.filter(({ code }) => code === "service_busy").length).toBe(count(503));
    expect(count(503)).toBeGreaterThan(0);
  });
});
