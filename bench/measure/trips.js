/** P2: how many store round trips a request waits for, one after another. */
import { ceremonyOf, newBrowser } from "../client/latchkey.js";

const DELAY = 120;

/**
 * Walks the flows request by request, several times, behind a proxy that delays every reply. The least of several
 * walks counts (caches warm, nothing of other work in it).
 *
 * @returns for each flow and request: trips awaited, and the commands sent meanwhile
 */
export async function measureTrips(target, proxy, { walks, say }) {
  const steps = new Map();
  const step = async (flow, name, act) => {
    await warmCaches(target, proxy);
    const began = performance.now();
    const result = await act();
    note(steps, flow, name, (performance.now() - began) / DELAY, proxy.take());
    return result;
  };
  await target.signIn();
  for (let walk = 0; walk < walks || (walk < 4 * walks && !isClear(steps)); walk++)
    await walkThrough(target, step);
  proxy.delay = 0;
  const flows = Object.fromEntries([...steps.values()].map(({ flow }) => [flow, []]));
  for (const { flow, ...rest } of steps.values()) flows[flow].push(settle(rest));
  for (const [flow, requests] of Object.entries(flows)) say(`${flow}: ${requests.map(describe).join(", ")}`);
  return flows;
}

/** What is kept in memory is re-read at most a second later; the walk is slow, so it is re-read before each step. */
async function warmCaches({ agent, app }, proxy) {
  proxy.delay = 0;
  await newBrowser(agent, app).get(app.ask().url);
  proxy.take();
  proxy.delay = DELAY;
}

function describe({ name, trips, commands }) {
  return `${name} ${trips} [${commands.join(", ")}]`;
}

function note(steps, flow, name, waited, commands) {
  const id = `${flow} ${name}`;
  const before = steps.get(id);
  if (!before || waited < before.waited) steps.set(id, { flow, name, waited, commands });
}

/** How far a duration may be above a whole number of delays: what the machine itself took. */
const SLACK = 0.5;

function isClear(steps) {
  return [...steps.values()].every(({ waited }) => waited % 1 < SLACK);
}

/** A duration that is no whole number of delays says nothing: the machine was too busy. */
function settle({ name, waited, commands }) {
  if (waited % 1 >= SLACK)
    throw new Error(`${name}: ${waited.toFixed(2)} delays is no clear count; is the machine busy?`);
  return { name, trips: Math.floor(waited), commands };
}

async function walkThrough({ agent, app, person }, step) {
  const browser = newBrowser(agent, app);
  const asked = app.ask("openid email profile offline_access");
  const sent = await step("first sign-in", "GET /auth", () => browser.get(asked.url));
  const page = await step("first sign-in", "GET /interaction/:uid", () =>
    browser.get(new URL(sent.headers.location, app.issuer)),
  );
  const { action, options } = ceremonyOf(page.body);
  const response = person().get(options, app.issuer);
  const posted = await step("first sign-in", "POST /interaction/:uid/passkey", () =>
    browser.post(new URL(action, app.issuer), { response }),
  );
  if (posted.status !== 200) throw new Error(`passkey: ${posted.status} ${posted.body}`);
  const { location } = JSON.parse(posted.body);
  const code = app.codeFrom(await resumed(browser, app, location, step), asked);
  const tokens = await redeem(app, code, asked, "first sign-in", step);
  await step("userinfo", "GET /me", () => app.me(tokens.access_token));
  if (tokens.refresh_token) await step("refresh", "POST /token", () => app.refresh(tokens.refresh_token));
  const again = app.ask();
  const silent = await step("with a session", "GET /auth", () => browser.get(again.url));
  await redeem(app, app.codeFrom(silent.headers.location, again), again, "with a session", step);
}

async function resumed(browser, app, location, step) {
  if (new URL(location, app.issuer).origin !== app.issuer) return location;
  const answer = await step("first sign-in", "GET /auth/:uid", () =>
    browser.get(new URL(location, app.issuer)),
  );
  return answer.headers.location;
}

async function redeem(app, code, asked, flow, step) {
  const answer = await step(flow, "POST /token", () => app.redeem(code, asked));
  if (answer.status !== 200) throw new Error(`token endpoint: ${answer.status} ${answer.body}`);
  return JSON.parse(answer.body);
}

/** The trips of a flow, up to and with the token response. */
export function total(requests) {
  return requests.reduce((sum, { trips }) => sum + trips, 0);
}
