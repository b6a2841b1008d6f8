/** A passkey sign-in at Latchkey, by its contract alone: pages, their ceremonies, redirects, tokens, userinfo. */
import { randomInt } from "node:crypto";
import { SoftwareAuthenticator } from "../../dist/testing.js";
import { run } from "../load.js";
import { Browser } from "./browser.js";

/** Makes accounts with a passkey each, by signing up; gives what one sign-in of one of them does. */
export async function latchkeySignIn(agent, app, accounts) {
  const people = [];
  const { failed, reasons } = await run(async () => people.push(await signUp(agent, app)), accounts);
  if (failed > 0) throw new Error(`${failed} sign-ups failed: ${reasons.join("; ")}`);
  let turn = 0;
  const person = () => people[turn++ % people.length];
  return {
    person,
    signIn: () => signIn(agent, app, person()),
    spoiled: async () =>
      (await authenticate(newBrowser(agent, app), app, person(), app.ask(), { signature: "spoiled" })).status,
  };
}

/** Each sign-in comes from an address of its own, as a proxy would report it: limits are for one address. */
export function newBrowser(agent, app) {
  const address = `10.${randomInt(256)}.${randomInt(256)}.${randomInt(1, 255)}`;
  return new Browser(agent, { origin: app.issuer, address });
}

async function signUp(agent, app) {
  const browser = newBrowser(agent, app);
  const asked = app.ask("openid email profile", { prompt: "create" });
  const page = await toPage(browser, app, await browser.get(asked.url));
  const { action, options } = ceremonyOf(page.body);
  const authenticator = new SoftwareAuthenticator({ algorithms: [-7] });
  const response = authenticator.create(options, app.issuer);
  const name = `p${response.id
    .replace(/[^A-Za-z0-9]/g, "")
    .slice(0, 20)
    .toLowerCase()}`;
  const posted = await browser.post(new URL(action, app.issuer), {
    response,
    name,
    email: `${name}@example.test`,
    username: name,
  });
  if (posted.status !== 200) throw new Error(`sign-up: ${posted.status} ${posted.body}`);
  return authenticator;
}

async function signIn(agent, app, authenticator) {
  const browser = newBrowser(agent, app);
  const asked = app.ask();
  const answer = await authenticate(browser, app, authenticator, asked);
  if (answer.status !== 200) throw new Error(`passkey: ${answer.status} ${answer.body}`);
  return app.finish(app.codeFrom(await follow(browser, app, JSON.parse(answer.body).location), asked), asked);
}

/** From the authorization request to the posted answer. */
export async function authenticate(browser, app, authenticator, asked, overrides) {
  const page = await toPage(browser, app, await browser.get(asked.url));
  const { action, options } = ceremonyOf(page.body);
  return browser.post(new URL(action, app.issuer), {
    response: authenticator.get(options, app.issuer, overrides),
  });
}

/** Follows redirects on the issuer's own origin; the first address elsewhere is the app's. */
export async function follow(browser, app, location) {
  let url = new URL(location, app.issuer);
  for (let hops = 0; url.origin === app.issuer; hops++) {
    if (hops === 5) throw new Error("too many redirects");
    const answer = await browser.get(url);
    if (!answer.headers.location) throw new Error(`${url.pathname} leads nowhere: ${answer.status}`);
    url = new URL(answer.headers.location, url);
  }
  return url.href;
}

async function toPage(browser, app, first) {
  let answer = first;
  for (let hops = 0; hops < 5 && answer.headers.location; hops++) {
    answer = await browser.get(new URL(answer.headers.location, app.issuer));
  }
  if (answer.status !== 200) throw new Error(`no page: ${answer.status}`);
  return answer;
}

const entities = { "&quot;": '"', "&#34;": '"', "&#39;": "'", "&lt;": "<", "&gt;": ">", "&amp;": "&" };

/** What a page says of its ceremony. */
export function ceremonyOf(html) {
  const [tag] = html.match(/<[^>]*\bdata-ceremony="[^>]*>/) ?? [];
  if (!tag) throw new Error("the page has no ceremony");
  const read = (name) =>
    tag
      .match(new RegExp(`\\b${name}="([^"]*)"`))?.[1]
      .replace(/&(?:quot|#34|#39|lt|gt|amp);/g, (entity) => entities[entity]);
  return {
    ceremony: read("data-ceremony"),
    action: read("data-action"),
    options: JSON.parse(read("data-options")),
  };
}
