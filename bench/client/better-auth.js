/** A passkey sign-in at better-auth: page, options, answer with the signed request, code, tokens, userinfo: six requests. */
import { SoftwareAuthenticator } from "../../dist/testing.js";
import { Browser } from "./browser.js";

const api = "/api/auth";

/** Makes accounts with a passkey each; gives what one sign-in of one of them does. */
export async function betterAuthSignIn(agent, app, accounts) {
  const people = [];
  for (let number = 0; number < accounts; number++)
    people.push(await register(agent, app, `person-${number}`));
  let turn = 0;
  const person = () => people[turn++ % people.length];
  return { signIn: () => signIn(agent, app, person()), spoiled: () => spoiled(agent, app, person()) };
}

async function register(agent, app, name) {
  const authenticator = new SoftwareAuthenticator({ algorithms: [-7] });
  const browser = new Browser(agent, { origin: app.issuer });
  const options = await json(
    browser.get(`${app.issuer}${api}/passkey/generate-register-options?context=${name}`),
  );
  await json(
    browser.post(`${app.issuer}${api}/passkey/verify-registration`, {
      response: authenticator.create(options, app.issuer),
    }),
  );
  return authenticator;
}

async function signIn(agent, app, authenticator) {
  const asked = app.ask();
  const answer = await authenticate(agent, app, authenticator, asked);
  if (answer.status !== 200) throw new Error(`passkey: ${answer.status} ${answer.body}`);
  return app.finish(app.codeFrom(JSON.parse(answer.body).url, asked), asked);
}

async function spoiled(agent, app, authenticator) {
  return (await authenticate(agent, app, authenticator, app.ask(), { signature: "spoiled" })).status;
}

async function authenticate(agent, app, authenticator, asked, overrides) {
  const browser = new Browser(agent, { origin: app.issuer });
  const page = new URL((await browser.get(asked.url)).headers.location, app.issuer);
  if ((await browser.get(page)).status !== 200) throw new Error("no sign-in page");
  const options = await json(browser.get(`${app.issuer}${api}/passkey/generate-authenticate-options`));
  const response = authenticator.get(options, app.issuer, overrides);
  return browser.post(`${app.issuer}${api}/passkey/verify-authentication`, {
    response,
    oauth_query: page.search.slice(1),
  });
}

async function json(answer) {
  const { status, body } = await answer;
  if (status !== 200) throw new Error(`${status} ${body}`);
  return JSON.parse(body);
}
