/**
 * Whether several series of durations could be draws of one thing: the rank test of Kruskal and Wallis, with its
 * correction for ties. It looks at the order alone, so that one slow answer weighs no more than one that is a little
 * slower.
 */

/** @param {number[][]} groups @returns {number} the probability of ranks as unequal as these, if all were alike */
export function rankTest(groups) {
  const all = groups.flatMap((values, group) => values.map((value) => ({ value, group })));
  all.sort((a, b) => a.value - b.value);
  const sums = groups.map(() => 0);
  let ties = 0;
  for (let from = 0; from < all.length; ) {
    let to = from;
    while (to < all.length && all[to].value === all[from].value) to++;
    const rank = (from + 1 + to) / 2;
    for (let at = from; at < to; at++) sums[all[at].group] += rank;
    ties += (to - from) ** 3 - (to - from);
    from = to;
  }
  const n = all.length;
  const spread = sums.reduce((sum, of, group) => sum + of ** 2 / groups[group].length, 0);
  const h = ((12 / (n * (n + 1))) * spread - 3 * (n + 1)) / (1 - ties / (n ** 3 - n));
  return chiSquareTail(h, groups.length - 1);
}

/** The upper tail of the chi-square distribution: by its finite sums, one for even degrees of freedom, one for odd. */
export function chiSquareTail(x, degrees) {
  if (!(x > 0)) return 1;
  const half = x / 2;
  const odd = degrees % 2 === 1;
  let term = odd ? Math.sqrt(half) * Math.exp(-half) * (2 / Math.sqrt(Math.PI)) : Math.exp(-half);
  let sum = odd ? erfc(Math.sqrt(half)) : 0;
  for (let k = odd ? 1.5 : 1; k <= degrees / 2; k++) {
    sum += term;
    term *= half / k;
  }
  return Math.min(1, sum);
}

/** Abramowitz and Stegun, 7.1.26: to seven digits. */
function erfc(x) {
  const t = 1 / (1 + 0.3275911 * x);
  const poly =
    ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return poly * Math.exp(-x * x);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
