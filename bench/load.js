/** Load: a number of sign-ins, so many of them at once. */

/** Runs `flow` `count` times, `inFlight` at once. @returns the failures, at most ten of them with their message */
export async function run(flow, count, inFlight = 16) {
  let left = count;
  let failed = 0;
  const reasons = [];
  const worker = async () => {
    while (left > 0) {
      left--;
      try {
        await flow();
      } catch (error) {
        failed++;
        if (reasons.length < 10) reasons.push(error.message);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, worker));
  return { failed, reasons };
}

/**
 * Measures what `count` sign-ins cost the server: CPU of its process in milliseconds for one.
 *
 * @throws when one failed: a run with failures does not count.
 */
export async function cost(target, count, inFlight = 16) {
  freshConnections(target);
  const before = await target.server.usage();
  const began = performance.now();
  const { failed, reasons } = await run(target.signIn, count, inFlight);
  const elapsed = performance.now() - began;
  const after = await target.server.usage();
  if (failed > 0)
    throw new Error(`${target.server.name}: ${failed} of ${count} sign-ins failed: ${reasons.join("; ")}`);
  return { cpu: (after.cpu - before.cpu) / count, rate: (count / elapsed) * 1000, rss: after.rss };
}

/** While a target waited for its turn, its server may just be closing idle connections; a round starts on new ones. */
export function freshConnections({ agent }) {
  agent.destroy();
}

/** Sends spoiled answers; each must be refused with a status of the 400s. */
export async function refuseSpoiled(target, count = 8) {
  freshConnections(target);
  for (let attempt = 0; attempt < count; attempt++) {
    const status = await target.spoiled();
    if (status < 400 || status > 499)
      throw new Error(`${target.server.name}: a spoiled signature was answered ${status}`);
  }
}

/** The middle value. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
