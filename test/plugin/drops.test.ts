/** The erasure of a closed password outlives the process that owed it, and a host that fails is not hammered. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { accountRecord } from "../../src/account/account.ts";
import { newHostAccount } from "../../src/account/host.ts";
import { silentLogger } from "../../src/log.ts";
import { drops } from "../../src/plugin/drops.ts";
import { Browser } from "../support/browser.ts";
import { cleanEnvironment } from "../support/program.ts";
import { freePort } from "../support/redis.ts";
import { type OpenStore, stores } from "../support/stores.ts";

const script = fileURLToPath(new URL("./mortal-host.js", import.meta.url));
const PASSWORD = "correct horse";

describe.each(stores)("a closed password over $name", (kind) => {
  let store: OpenStore;
  let folder: string;
  let users: string;
  let port: string;
  let child: ChildProcess | undefined;
  const heard: Record<string, unknown>[] = [];

  beforeEach(async () => {
    store = await kind.open();
    folder = mkdtempSync(join(tmpdir(), "latchkey-host-"));
    users = join(folder, "users.json");
    writeFileSync(users, JSON.stringify({ id: "42", password: PASSWORD, typed: PASSWORD }));
    port = String(await freePort());
    heard.length = 0;
  });
  afterEach(async () => {
    child?.kill("SIGKILL");
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(dies = ""): Promise<ChildProcess> {
    const env = cleanEnvironment({ STORE: store.url, USERS: users, PORT: port, DIES: dies });
    const started = fork(script, [], { env, stdio: ["ignore", "ignore", "ignore", "ipc"] });
    child = started;
    started.on("message", (message) => void heard.push(message as Record<string, unknown>));
    await once(started, "message");
    return started;
  }
  async function ask(host: ChildProcess, wanted: string) {
    const answered = once(host, "message");
    host.send(wanted);
    return (await answered)[0];
  }
  const type = (browser: Browser) =>
    browser.post("/sign-in/password?to=%2Faccount", { username: "anything", password: PASSWORD });

  it.each(["before", "after"])(
    "whose host is killed %s it is erased is erased by the next one, and is not asked for in between",
    async (dies) => {
      const dying = await start(dies);
      const ended = once(dying, "exit");
      const browser = new Browser(`http://localhost:${port}`);
      await browser.open("/sign-in");
      const answer = await type(browser);
      const prove = await browser.complete(await browser.open(String(answer.json().location)));
      await expect(browser.complete(prove)).rejects.toThrow();
      expect((await ended)[1]).toBe("SIGKILL");
      const next = await start();
      const password = dies === "before" ? 1 : 0;
      expect(await ask(next, "status")).toMatchObject({
        status: { closed: 1, waiting: 1, passwords: password },
      });
      const asked = heard.filter(({ verified }) => verified).length;
      const thief = new Browser(`http://localhost:${port}`);
      await thief.open("/sign-in");
      expect((await type(thief)).status).toBe(401);
      expect(heard.filter(({ verified }) => verified)).toHaveLength(asked);
      expect(await ask(next, "drop")).toEqual({ dropped: 1 });
      expect(await ask(next, "status")).toMatchObject({ status: { closed: 1, waiting: 0, passwords: 0 } });
      expect(JSON.parse(readFileSync(users, "utf8")).password).toBeNull();
    },
  );

  it("is asked for ever more seldom while the host fails, and never again once it is done", async () => {
    let now = 1_000_000;
    let fails = true;
    let asked = 0;
    const account = newHostAccount("late", "closed", now);
    await store.store.write(accountRecord.key("late"), accountRecord.encode(account));
    const dropPassword = async () => {
      asked++;
      if (fails) throw new Error("the database is away");
    };
    const options = { store: store.store, clock: { now: () => now }, announce() {} };
    const outbox = drops(options, { dropPassword }, silentLogger);
    expect(await outbox.drop("late")).toBe(false);
    // A day of asking every half minute.
    const at: number[] = [];
    for (let i = 0; i < 2880; i++) {
      now += 30_000;
      const before = asked;
      await outbox.retry();
      if (asked > before) at.push(i);
    }
    expect(at.slice(0, 5)).toEqual([0, 2, 6, 13, 27]);
    expect(at.length).toBeLessThan(35);
    expect(at.length).toBeGreaterThan(20);
    fails = false;
    now += 3_600_000;
    expect(await outbox.retry()).toBe(1);
    const done = asked;
    now += 3_600_000;
    expect([await outbox.retry(), await outbox.sweep(), await outbox.drop("late")]).toEqual([0, 0, false]);
    expect(asked).toBe(done);
  });
});
