/** P8: how long a server takes to be ready, and what it holds after ten thousand sign-ins. */
import { setTimeout as pause } from "node:timers/promises";
import { exchange } from "../client/browser.js";
import { freshConnections, median, run } from "../load.js";

/**
 * Starts and stops each target in turn. Ready: the first answer of the discovery endpoint, from the start of the process.
 *
 * @param starters for each name a function that starts a server
 */
export async function measureStarts(starters, rounds) {
  const times = Object.fromEntries(Object.keys(starters).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, start] of Object.entries(starters)) times[name].push(await timeToReady(start));
  }
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, { all, median: median(all) }]));
}

async function timeToReady(start) {
  const began = performance.now();
  const server = await start();
  const { status } = await exchange(undefined, new URL(`${server.issuer}/.well-known/openid-configuration`));
  const elapsed = performance.now() - began;
  await server.stop();
  if (status !== 200) throw new Error(`${server.name}: discovery answered ${status}`);
  return elapsed;
}

/** Resident memory in MiB after `count` sign-ins and a moment of rest, as it settles in steps of a fifth. */
export async function measureMemory(target, count, say) {
  const steps = [(await target.server.usage()).rss];
  for (let fifth = 1; fifth <= 5; fifth++) {
    freshConnections(target);
    const { failed, reasons } = await run(target.signIn, Math.ceil(count / 5));
    if (failed > 0) throw new Error(`${target.name}: ${failed} sign-ins failed: ${reasons.join("; ")}`);
    await pause(500);
    steps.push((await target.server.usage()).rss);
  }
  const mebibytes = steps.map((bytes) => Math.round(bytes / 1_048_576));
  say(`${target.name}: ${mebibytes.join(" → ")} MiB`);
  return { steps: mebibytes, after: mebibytes.at(-1) };
}
