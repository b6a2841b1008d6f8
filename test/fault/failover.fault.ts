/**
 * F9 and F11 as people and apps see them, and F14 with a replica: servers on sets of Redis servers that lose one of them.
 * What the store alone does then: `test/store`.
 */
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { connectRedis } from "../../src/store/redis/open.ts";
import { slotOf } from "../../src/store/redis/slot.ts";
import type { Answer, Browser } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { startJournal } from "../support/journal.ts";
import { type RedisServer, startRedis, withoutRedis } from "../support/redis.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import type { StoreKind } from "../support/stores.ts";
import {
  ask,
  type RedisCluster,
  startCluster,
  startSentinelSet,
  type Topology,
} from "../support/topologies.ts";
import { isWhole } from "./whole.ts";

const WAITING = { timeout: 60_000, interval: 20 };
/** Every answer, good or bad, is there by then. */
const IN_TIME = 3_000;

/** A server on a set that is there already. */
function on({ url }: Topology, durability?: "configured"): StoreKind {
  const connect = () => connectRedis(url, durability ? { durability } : {});
  return {
    name: "redis",
    async open() {
      const store = await connect();
      return { store, url, reopen: connect, close: () => store.close() };
    },
  };
}

interface Person {
  username: string;
  authenticator: Browser["authenticator"];
}

/**
 * People who sign up without end. What a failover may forget (an interaction, a challenge) they begin anew; an answer that
 * is late, or a failure that is not said to be passing, is kept.
 */
function crowd(running: Running, app: RelyingParty) {
  const told: Person[] = [];
  const wrong: string[] = [];
  let going = true;
  const judged = async (ask: Promise<Answer>): Promise<Answer> => {
    const at = performance.now();
    const answer = await ask;
    const ms = Math.round(performance.now() - at);
    if (ms > IN_TIME) wrong.push(`${answer.status} after ${ms} ms`);
    if (answer.status >= 500 && answer.status !== 503)
      wrong.push(`${answer.status} ${answer.text.slice(0, 300)}`);
    return answer;
  };
  const people = Array.from({ length: 4 }, async (_, person) => {
    for (let i = 0; going; i++) {
      const username = `p${person}-${i}`;
      const visitor = running.browser();
      const page = await judged(visitor.open((await app.request({ prompt: "create" })).url));
      const done = page.status === 200 && (await judged(visitor.perform(page, { username }))).status === 200;
      if (done) told.push({ username, authenticator: visitor.authenticator });
      else await pause(20);
    }
  });
  return {
    told,
    wrong,
    more(count: number) {
      const enough = told.length + count;
      return vi.waitUntil(() => told.length >= enough, WAITING);
    },
    /** Ends it, and gives whoever was acknowledged and is not there, or cannot sign in. */
    async lost(): Promise<string[]> {
      going = false;
      await Promise.all(people);
      const lost: string[] = [];
      for (const { username } of told) {
        const found = await running.installation.accounts.findByLogin(username);
        if (found?.value.state !== "active") lost.push(username);
      }
      for (const { username, authenticator } of told.slice(-20))
        await app.signIn(running.browser(authenticator)).catch(() => lost.push(`${username} cannot sign in`));
      return lost;
    },
  };
}

describe.skipIf(withoutRedis)("a server whose Redis fails over", () => {
  test("F11 in a cluster that loses a master, moves an account, and is down for a part of its keys, loses nobody", async () => {
    const cluster = await startCluster();
    const running = await startInstallation(on(cluster));
    try {
      const app = await running.app();
      const jane = running.browser();
      const { sub } = (await app.signUp(jane, { username: "jane" })).idToken;
      const slot = slotOf(`latchkey:account:${sub}`);
      const people = crowd(running, app);
      await people.more(30);

      // Jane's master dies, and its replica takes over.
      const { master, replica } = await cluster.owners(slot);
      await master.kill();
      await vi.waitUntil(async () => (await cluster.owners(slot)).master === replica, WAITING);
      await master.start();
      await people.more(30);

      // Her account moves to another master while she signs in, again and again.
      let going = true;
      const signIns: string[] = [];
      const signing = (async () => {
        while (going) {
          const visitor = running.browser(jane.authenticator);
          await app.signIn(visitor).then(
            () => signIns.push("done"),
            (error) => signIns.push(String(error)),
          );
        }
      })();
      await vi.waitUntil(() => signIns.at(-1) === "done", WAITING);
      const before = signIns.length;
      await moveSlot(cluster, slot);
      await vi.waitUntil(() => signIns.length > before + 3, WAITING);
      going = false;
      await signing;
      expect(signIns.slice(before).filter((outcome) => outcome !== "done")).toEqual([]);

      // Nobody has her keys, until one of them is back.
      const owners = await cluster.owners(slot);
      for (const server of [owners.replica, owners.master]) await server?.kill();
      await vi.waitUntil(async () => (await jane.open("/account")).status === 503, WAITING);
      await owners.master.start();
      await vi.waitUntil(async () => (await jane.open("/account")).status === 200, WAITING);
      await owners.replica?.start();
      await people.more(30);
      expect({ lost: await people.lost(), wrong: people.wrong }).toEqual({ lost: [], wrong: [] });
      const left = await isWhole(running.store);
      process.stdout.write(`F11: ${people.told.length} sign-ups acknowledged, 0 lost, ${left} leftovers\n`);
    } finally {
      await running.stop();
      await cluster.stop();
    }
  });

  test("F9 what is lost at a failover that nobody waited for a replica before is counted", async () => {
    const set = await startSentinelSet();
    const store = await connectRedis(set.url, { durability: "configured" });
    const journal = startJournal(store, 16);
    await journal.more(2_000);
    const old = await set.master();
    await old.kill();
    await vi.waitUntil(async () => (await set.master()) !== old, WAITING);
    await journal.more(500);
    await journal.stop();
    const lost = await journal.lost(store);
    process.stdout.write(`F9: ${journal.length} acknowledged without a replica, ${lost.length} lost\n`);
    expect(lost.length).toBeLessThan(journal.length);
    await store.close();
    await set.stop();
  });

  test("F14 a master that comes back empty takes its replica along, and is not taken for a new provider", async () => {
    const bare = ["--appendonly", "no"];
    const master = await startRedis(...bare);
    const replica = await startRedis(...bare, "--replicaof", `127.0.0.1 ${master.port}`);
    const only = on({ url: master.url, servers: [master], stop: async () => {} }, "configured");
    const running = await startInstallation(only, { durability: "configured" });
    const status = async (path: string) => (await fetch(`${running.issuer}${path}`)).status;
    try {
      const app = await running.app();
      await app.signUp(running.browser(), { username: "jane" });
      await vi.waitUntil(async () => (await keysOf(replica)) > 0, WAITING);
      await master.kill();
      await master.start();
      await vi.waitUntil(async () => (await keysOf(replica)) === 0, WAITING);
      await vi.waitUntil(async () => (await status("/readyz")) === 503, WAITING);
      // It is there and answers; what is missing is the data.
      await vi.waitUntil(() => running.log.some((line) => line.includes("emptied or exchanged")), WAITING);
      for (const path of ["/sign-in", "/sign-up", "/auth"]) expect(await status(path), path).toBe(503);
      expect(await status("/livez")).toBe(200);
      // Nothing was written that would make a new provider of it.
      expect(await ask(master, (client) => client.exists("latchkey:meta:store"))).toBe(0);
    } finally {
      await running.stop();
      await replica.stop();
      await master.stop();
    }
  });
});

const keysOf = (server: RedisServer) => ask(server, (client) => client.dbsize());

/** As `redis-cli --cluster reshard` does it: key by key, while everything goes on. */
async function moveSlot(cluster: RedisCluster, slot: number): Promise<void> {
  const { master: from } = await cluster.owners(slot);
  const { master: to } = await cluster.owners((slot + 5461) % 16_384);
  const id = (server: RedisServer) =>
    ask(server, (client) => client.call("CLUSTER", "MYID") as Promise<string>);
  const set = (server: RedisServer, ...what: string[]) =>
    ask(server, (client) => client.call("CLUSTER", "SETSLOT", slot, ...what));
  await set(to, "IMPORTING", await id(from));
  await set(from, "MIGRATING", await id(to));
  const keys = () =>
    ask(from, (client) => client.call("CLUSTER", "GETKEYSINSLOT", slot, 100) as Promise<string[]>);
  for (let found = await keys(); found.length > 0; found = await keys())
    for (const key of found) await ask(from, (client) => client.migrate("127.0.0.1", to.port, key, 0, 5_000));
  for (const server of [to, from]) await set(server, "NODE", await id(to));
}
