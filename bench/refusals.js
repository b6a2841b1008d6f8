/**
 * Refused passwords, as somebody sees them who wants to know who has an account: whatever is behind a name, and
 * whichever scheme its hash is of, the answers must take the same time. Samples are interleaved in an order that
 * chance decides, and judged by a rank test.
 *
 * A test that finds nothing proves nothing by itself. So the same test is given one series more, of unknown names whose
 * asker waited a few milliseconds longer: a run in which it does not tell that series from the others does not count.
 */
import { execFile } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { Browser, connections } from "./client/browser.js";
import { scratchFolder } from "./leftovers.js";
import { median, rankTest } from "./measure/rank.js";
import { root } from "./server.js";
import { install, startLatchkey } from "./targets.js";

/** Below this, the series are not alike (SEC-61, SEC-137). */
const LEAST = 0.01;
/** What the control's asker waits longer: a tenth of the step that refusals are answered at. */
const CONTROL = 25;
const ACCOUNTS = 4;
const ENOUGH = "1000000/1h";
/** A page of the sign-in lives for half an hour. */
const PER_PAGE = 500;

const text = (bytes) => randomBytes(bytes).toString("base64").replace(/=+$/, "");

/** Hashes of nobody's password, at what each scheme usually costs. */
const schemes = {
  argon2id: () => `$argon2id$v=19$m=19456,t=2,p=1$${text(16)}$${text(32)}`,
  bcrypt: () => "$2b$10$abcdefghijklmnopqrstuuFmEfrkTQnczNzw475xE2VhDrK1uwJiC",
  scrypt: () => `$scrypt$ln=14,r=8,p=1$${text(16)}$${text(32)}`,
  pbkdf2: () => `$pbkdf2-sha256$i=100000$${text(16)}$${text(32)}`,
};

/** @param {{ samples: number, say: (line: string) => void }} options */
export async function measureRefusals(store, { samples, say }) {
  const env = { ...(await install(store)), ...limits() };
  const { server } = await startLatchkey(store, env);
  const agent = connections(1);
  try {
    const kinds = await people(env);
    const ask = asker(agent, server.issuer);
    for (const name of Object.values(kinds)) await ask(name());
    const times = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]));
    for (let round = 1; round <= samples; round++) {
      for (const kind of shuffled(Object.keys(kinds))) {
        times[kind].push(await ask(kinds[kind](), kind === "control" ? CONTROL : 0));
      }
      if (round % 50 === 0) say(`${round} of ${samples}`);
    }
    return judge(times);
  } finally {
    agent.destroy();
    await server.stop();
  }
}

/**
 * Each kind is compared with all others, and the least alike decides: one kind that stands out is what somebody could
 * learn from. The control goes through the same test, beside the others.
 */
function judge({ control, ...kinds }) {
  const medians = Object.fromEntries(Object.entries(kinds).map(([kind, of]) => [kind, median(of)]));
  const all = Object.values(medians);
  const p = leastAlike(kinds);
  const controlled = leastAlike({ ...kinds, control });
  return {
    medians,
    apart: Math.max(...all) - Math.min(...all),
    samples: control.length,
    p,
    controlled,
    counts: controlled.p < LEAST && controlled.kind === "control",
    times: { ...kinds, control },
  };
}

/** The kind that is least like all others together; its probability is for as many comparisons as there are kinds. */
function leastAlike(kinds) {
  const names = Object.keys(kinds);
  const judged = names.map((kind) => {
    const others = names.filter((name) => name !== kind).flatMap((name) => kinds[name]);
    return { kind, p: Math.min(1, names.length * rankTest([kinds[kind], others])) };
  });
  return judged.sort((one, other) => one.p - other.p)[0];
}

/** One row for each store; a run whose control was not told from the others does not count. */
export function refusalRows(store, { p, controlled, counts, samples, apart, medians }) {
  const what = `refused passwords over ${store}, each of ${Object.keys(medians).join(", ")} against all others, rank test`;
  const said = controlled.p < 0.0001 ? "< 0.0001" : `= ${controlled.p.toFixed(4)}`;
  const control = `the control, ${CONTROL} ms more: p ${said}`;
  const value = `**p = ${p.p.toFixed(2)}** (${p.kind}; ${samples} of each, medians at most ${apart.toFixed(1)} ms apart; ${control})`;
  const met = counts && p.p >= LEAST;
  return [
    { claim: "SEC-137", what, value: counts ? value : `does not count: ${value}`, goal: `p ≥ ${LEAST}`, met },
  ];
}

function limits() {
  const file = join(scratchFolder(), "latchkey.config.json");
  const guesses = { perAccount: ENOUGH, perAddress: ENOUGH };
  writeFileSync(file, JSON.stringify({ limits: { guesses, ceremonies: ENOUGH, signUps: ENOUGH } }));
  return { LATCHKEY_CONFIG: file };
}

/** Makes the accounts by the program's own commands; gives a name of each kind. */
async function people(env) {
  const names = (kind) => Array.from({ length: ACCOUNTS }, (_, n) => `${kind}${n}`);
  const row = (username, more) => ({ username, ...more });
  const lines = [
    ...Object.entries(schemes).flatMap(([kind, hash]) =>
      names(kind).map((name) => row(name, { password_hash: hash() })),
    ),
    ...names("converted").map((name) =>
      row(name, { groups: ["converted"], password_hash: schemes.argon2id() }),
    ),
    ...names("without").map((name) => row(name, {})),
  ];
  const folder = scratchFolder();
  await bring(env, folder, "people.jsonl", lines.map((line) => JSON.stringify(line)).join("\n"));
  await bring(env, folder, "realm.json", JSON.stringify({ users: names("disabled").map(disabled) }));
  await latchkey(env, ["passwords", "drop", "--group", "converted", "--yes"]);
  const any = (kind) => () => `${kind}${randomInt(ACCOUNTS)}`;
  const unknown = () => `nobody${randomBytes(6).toString("hex")}`;
  const known = [...Object.keys(schemes), "converted", "without", "disabled"];
  return { unknown, ...Object.fromEntries(known.map((kind) => [kind, any(kind)])), control: unknown };
}

/** As an export of Keycloak has somebody who may not sign in. */
function disabled(username) {
  const credentialData = JSON.stringify({ algorithm: "pbkdf2-sha256", hashIterations: 100_000 });
  const secretData = JSON.stringify({
    value: randomBytes(32).toString("base64"),
    salt: randomBytes(16).toString("base64"),
  });
  return { username, enabled: false, credentials: [{ type: "password", credentialData, secretData }] };
}

async function bring(env, folder, name, content) {
  const file = join(folder, name);
  writeFileSync(file, `${content}\n`);
  const { refused } = JSON.parse(await latchkey(env, ["accounts", "import", file, "--json"]));
  if (refused.length > 0) throw new Error(`${name}: ${refused[0].code}: ${refused[0].reason}`);
}

async function latchkey(env, args) {
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [join(root, "dist/cli.js"), ...args], {
    env: { ...process.env, ...env },
  });
  return stdout;
}

/** Types a wrong password and gives the time until the refusal was there, in milliseconds. */
function asker(agent, issuer) {
  let asked = 0;
  let page;
  return async (username, longer = 0) => {
    if (asked++ % PER_PAGE === 0) page = await signInPage(agent, issuer);
    const started = performance.now();
    const { status } = await page.browser.post(page.action, { username, password: "a wrong one" });
    if (longer > 0) await pause(longer);
    const time = performance.now() - started;
    if (status !== 401) throw new Error(`${username}: expected a refusal, found ${status}`);
    return time;
  };
}

/** Waits for the box of the password: the server may have to notice first that there are any. */
async function signInPage(agent, issuer) {
  for (let attempt = 0; attempt < 100; attempt++) {
    const browser = new Browser(agent, { origin: issuer });
    const { body } = await browser.get(`${issuer}/sign-in`);
    const [, action] = /data-password="([^"]+)"/.exec(body) ?? [];
    if (action) return { browser, action: new URL(action.replaceAll("&amp;", "&"), issuer) };
    await pause(100);
  }
  throw new Error("the sign-in page has no path for a password");
}

function shuffled(values) {
  return values
    .map((value) => ({ value, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}
