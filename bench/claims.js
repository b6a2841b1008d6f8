/** Each claim: what is started for it, measured, and compared with its goal. Rows are what the table shows. */

import { join } from "node:path";
import { goals, referenceBare } from "./goals.js";
import { startDelayProxy } from "./measure/delay-proxy.js";
import { measurePage } from "./measure/page.js";
import { measureMemory, measureStarts } from "./measure/process.js";
import { measureSignIns, within } from "./measure/sign-in.js";
import { measureTrips, total } from "./measure/trips.js";
import { startRedis } from "./redis.js";
import { measureRefusals, refusalRows } from "./refusals.js";
import { startServer } from "./server.js";
import { bare, betterAuth, install, latchkey, naive, startFlags, startLatchkey } from "./targets.js";

/** Runs `use` with a Redis, and with everything that was started on the way stopped afterwards. */
async function withRedis(use) {
  const redis = await startRedis();
  const started = [];
  const keep = async (promise) => {
    const target = await promise;
    started.push(target);
    return target;
  };
  try {
    return await use(redis, keep);
  } finally {
    for (const target of started.reverse()) await target.stop();
    await redis.stop();
  }
}

/** P1: ours over Redis (and over LMDB, for comparison) against a1 and b1. */
export function p1(options) {
  return withRedis(async (redis, keep) => {
    const base = await keep(bare());
    const ours = await keep(latchkey(redis.url, options.accounts));
    const targets = [
      base,
      ours,
      await keep(latchkey("lmdb", options.accounts)),
      await keep(naive(await second(redis))),
    ];
    const measured = await measureSignIns(targets, { ...options, cpuPerRound: options.cpu });
    const [a1, redisOurs] = measured;
    const verdict = within(redisOurs, a1, goals.p1.first);
    return { measured, rows: [signInRow("P1", goals.p1.title, verdict, goals.p1), ...measured.map(costRow)] };
  });
}

/** The naive adapter gets a database of its own, so that key names cannot meet. */
async function second(redis) {
  return { url: `${redis.url}/1` };
}

/** P3: ours over Redis against better-auth. */
export function p3(options) {
  return withRedis(async (redis, keep) => {
    const theirs = await keep(betterAuth(options.accounts));
    const ours = await keep(latchkey(redis.url, options.accounts));
    const measured = await measureSignIns([theirs, ours], { ...options, cpuPerRound: options.cpu * 2 });
    const verdict = within(measured[1], measured[0], goals.p3.goal);
    return { measured, rows: [signInRow("P3", goals.p3.title, verdict, goals.p3), ...measured.map(costRow)] };
  });
}

function signInRow(claim, what, { ratio, held, rounds, met }, { first, goal }) {
  const limit = first ? `≤ ${first} × (then ${goal.toFixed(2)} ×)` : `≤ ${goal} ×`;
  return { claim, what, value: `**${ratio.toFixed(2)} ×** (${held} of ${rounds} rounds)`, goal: limit, met };
}

function costRow({ name, median, rate, ratio }) {
  const beside = name === "bare oidc-provider" ? ` (${referenceBare} ms where the goals were set)` : "";
  const value = `${median.toFixed(2)} ms CPU${beside} · ${ratio.toFixed(2)} × · ${Math.round(rate)} a second`;
  return { claim: "", what: `– ${name}`, value, goal: "" };
}

/** P2: trips, counted on the wire. */
export function p2(options) {
  return withRedis(async (redis, keep) => {
    const proxy = await startDelayProxy(redis.port);
    try {
      const ours = await keep(latchkey(proxy.url, 2));
      const flows = await measureTrips(ours, proxy, options);
      const limits = {
        "first sign-in": goals.p2.first,
        "with a session": goals.p2.session,
        refresh: goals.p2.refresh,
        userinfo: goals.p2.userinfo,
      };
      const rows = Object.entries(limits).map(([flow, limit]) => tripRow(flow, flows[flow] ?? [], limit));
      return { flows, rows };
    } finally {
      proxy.stop();
    }
  });
}

function tripRow(flow, requests, limit) {
  const trips = total(requests);
  const detail = requests.map(({ name, trips: of }) => `${name} ${of}`).join(", ");
  const goal = flow === "first sign-in" ? `≤ ${limit} (then ${goals.p2.goal})` : `≤ ${limit}`;
  const what = `${goals.p2.title}: ${flow}`;
  return {
    claim: "P2",
    what,
    value: requests.length ? `**${trips}** (${detail})` : "not measured",
    goal,
    met: requests.length > 0 && trips <= limit,
  };
}

/** P7: the page. */
export function p7() {
  return withRedis(async (redis, keep) => {
    const page = await measurePage(await keep(latchkey(redis.url, 1)));
    const kinds = page.files
      .map(({ kind }) => kind)
      .sort()
      .join(" ");
    const lean =
      kinds === "document script stylesheet" && (page.fetched === undefined || page.fetched.length === 3);
    const detail = page.files
      .map(
        ({ kind, bytes, encoding }) =>
          `${kind} ${bytes}${encoding === "none" ? " uncompressed" : ` ${encoding}`}`,
      )
      .join(", ");
    const value = `**${(page.total / 1000).toFixed(1)} kB** (${detail}${page.fetched ? `; Chromium fetched ${page.fetched.length}` : ""})`;
    return {
      page,
      rows: [
        {
          claim: "P7",
          what: goals.p7.title,
          value,
          goal: "≤ 12 kB, 3 files",
          met: lean && page.total <= goals.p7.goal,
        },
      ],
    };
  });
}

/** P8: start and memory. */
export function p8(options) {
  return withRedis(async (redis, keep) => {
    const starts = await measureStarts(await starters(redis), options.rounds);
    const memory = [];
    for (const start of [bare, () => latchkey(`${redis.url}/1`, options.accounts)]) {
      const target = await keep(start());
      memory.push(await measureMemory(target, options.memory, options.say));
    }
    return { starts, memory, rows: [...startRows(starts), memoryRow(memory, options.memory)] };
  });
}

/** Each installation has run once before: making keys is not part of a start. */
async function starters(redis) {
  const script = join(import.meta.dirname, "baseline/bare.js");
  const all = { bare: () => startServer({ name: "bare", script, flags: startFlags() }) };
  for (const store of [redis.url, "lmdb"]) {
    const env = await install(store);
    const { server } = await startLatchkey(store, env);
    await server.stop();
    const args = {
      name: `Latchkey over ${store}`,
      script: join(import.meta.dirname, "../dist/cli.js"),
      args: ["serve"],
      env,
      flags: startFlags(),
    };
    all[store === "lmdb" ? "LMDB" : "Redis"] = () => startServer(args);
  }
  return all;
}

function startRows({ bare: base, ...ours }) {
  return Object.entries(ours).map(([store, { median }]) => {
    const more = median - base.median;
    const value = `**${more >= 0 ? "+" : "−"}${Math.abs(more).toFixed(0)} ms** (${median.toFixed(0)} ms, bare ${base.median.toFixed(0)} ms)`;
    return {
      claim: "P8",
      what: `${goals.p8.title}: start to ready, over ${store}`,
      value,
      goal: `≤ +${goals.p8.start} ms`,
      met: more <= goals.p8.start,
    };
  });
}

function memoryRow([base, ours], count) {
  const more = ours.after - base.after;
  const value = `**${more >= 0 ? "+" : "−"}${Math.abs(more)} MiB** (${ours.steps.join(" → ")}; bare ${base.steps.join(" → ")})`;
  return {
    claim: "P8",
    what: `${goals.p8.title}: memory after ${count.toLocaleString("en")} sign-ins`,
    value,
    goal: `≤ +${goals.p8.memory} MiB`,
    met: more <= goals.p8.memory,
  };
}

/** SEC-61, SEC-137: how long a refused password takes, over both stores. */
export function refusals(options) {
  return withRedis(async (redis) => {
    const measured = {};
    for (const [name, store] of Object.entries({ LMDB: "lmdb", Redis: redis.url })) {
      options.say(`over ${name}`);
      measured[name] = await measureRefusals(store, options);
    }
    return { measured, rows: Object.entries(measured).flatMap(([name, of]) => refusalRows(name, of)) };
  });
}
