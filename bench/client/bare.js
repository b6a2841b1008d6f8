/** A sign-in at bare oidc-provider: six requests, the page posts nothing but itself. */
import { Browser } from "./browser.js";

/** What one flow through `app` does. */
export function bareSignIn(agent, app) {
  return { signIn: () => signIn(agent, app), spoiled: () => spoiled(agent, app) };
}

async function signIn(agent, app) {
  const { code, asked } = await toCode(new Browser(agent, { origin: app.issuer }), app);
  return app.finish(code, asked);
}

/** A cookie whose signature was changed must not open the interaction: there is no other signature to spoil here. */
async function spoiled(agent, app) {
  const browser = new Browser(agent, { origin: app.issuer });
  const { location } = (await browser.get(app.ask().url)).headers;
  if (!browser.forge("_interaction.sig", (value) => (value.startsWith("A") ? "B" : "A") + value.slice(1)))
    throw new Error("no signed cookie");
  return (await browser.post(new URL(location, app.issuer), {})).status;
}

async function toCode(browser, app) {
  const asked = app.ask();
  const page = new URL((await browser.get(asked.url)).headers.location, app.issuer);
  if ((await browser.get(page)).status !== 200) throw new Error("no sign-in page");
  const answer = await browser.post(page, {});
  if (answer.status !== 200) throw new Error(`sign-in: ${answer.status}`);
  const resumed = await browser.get(JSON.parse(answer.body).location);
  return { code: app.codeFrom(resumed.headers.location, asked), asked };
}
