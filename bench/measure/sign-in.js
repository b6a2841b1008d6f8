/** P1 and P3: what one complete sign-in costs, against baselines, as ratios within one run. */
import { cost, median, refuseSpoiled, run } from "../load.js";

/**
 * Warms all targets alike, then measures them in turn, round by round, in an order that rotates. The first target is
 * the one that the others are compared with.
 *
 * @returns for each target: CPU of every round, its median, and the ratios to the first target's round
 */
export async function measureSignIns(targets, { rounds, warm, cpuPerRound, say }) {
  for (const target of targets) {
    await refuseSpoiled(target);
    await run(target.signIn, warm);
    // Rounds last about equally long, so that a dear target is not measured on more work than a cheap one.
    const { cpu } = await cost(target, 50);
    target.count = Math.max(40, Math.round(cpuPerRound / cpu));
    target.rounds = [];
    say(`${target.name}: warm, ${target.count} sign-ins a round`);
  }
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < targets.length; turn++) {
      const target = targets[(round + turn) % targets.length];
      target.rounds.push(await cost(target, target.count));
    }
    say(
      `round ${round + 1}: ${targets.map(({ name, rounds: done }) => `${name} ${done[round].cpu.toFixed(2)}`).join(" · ")}`,
    );
  }
  for (const target of targets) await refuseSpoiled(target);
  return targets.map((target) => summary(target, targets[0]));
}

function summary({ name, rounds }, first) {
  const cpu = rounds.map((round) => round.cpu);
  const ratios = cpu.map((value, round) => value / first.rounds[round].cpu);
  return {
    name,
    cpu,
    median: median(cpu),
    rate: median(rounds.map(({ rate }) => rate)),
    ratios,
    ratio: median(ratios),
  };
}

/** Is `subject` at most `limit` times `base`: the median, and at least six of seven rounds? */
export function within(subject, base, limit) {
  const ratios = subject.cpu.map((value, round) => value / base.cpu[round]);
  const held = ratios.filter((ratio) => ratio <= limit).length;
  const ratio = median(ratios);
  return {
    ratio,
    held,
    rounds: ratios.length,
    met: ratio <= limit && held >= Math.ceil((ratios.length * 6) / 7),
  };
}
