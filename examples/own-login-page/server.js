/** The same behind a sign-in page of the app's own, with its own look and words. */
import { passkeys } from "latchkey";
import { lmdbStore } from "latchkey/lmdb";
import Provider from "oidc-provider";
import * as accounts from "../koa-existing-users/users.js";

const port = Number(process.env.PORT ?? 3000);
const issuer = `http://localhost:${port}`;

const configuration = {
  clients: [
    {
      client_id: "wiki",
      client_secret: "wiki-secret",
      redirect_uris: [process.env.APP ?? "http://localhost:8080/callback"],
    },
  ],
  cookies: { keys: [process.env.COOKIE_KEY ?? "only good enough for localhost"] },
  claims: { profile: ["name"], email: ["email"] },
  loadExistingGrant,
};

const store = lmdbStore(process.env.DATA ?? "./data");
const keys = passkeys({ issuer, accounts, store });
const provider = new Provider(issuer, keys.configuration(configuration));
provider.use(signInPage);
keys.mount(provider);
provider.listen(port, () => console.log(`listening at ${issuer}`));

/** The apps here are our own: nobody is asked what they may know. */
async function loadExistingGrant({ oidc }) {
  const grant = new oidc.provider.Grant({
    clientId: oidc.client.clientId,
    accountId: oidc.session.accountId,
  });
  grant.addOIDCScope("openid profile email");
  await grant.save();
  return grant;
}

/** What is no sign-in (consent, a request that is over) is left to the pages behind. */
async function signInPage(ctx, next) {
  const page = /^\/interaction\/[\w-]+$/.test(ctx.path) && (await keys.handlers.signIn(ctx.req, ctx.res));
  if (!page) return next();
  ctx.set("cache-control", "no-store");
  ctx.set("content-security-policy", "frame-ancestors 'none'");
  ctx.body = `<!doctype html><html lang="en"><title>Welcome back</title><link rel="icon" href="data:,">
    <script defer src="${page.script}"></script>
    <h1>Welcome back to ${escapeHtml(page.app.name)}</h1>
    <form data-ceremony="${page.ceremony}" data-action="${page.action}" data-options="${escapeHtml(JSON.stringify(page.options))}" data-messages="${escapeHtml(page.messages)}">
      <input name="username" aria-label="Login" autocomplete="username webauthn" value="${escapeHtml(page.loginHint ?? "")}">
      <button>Open with my passkey</button>
      <p role="alert" id="alert"></p>
    </form>
    <form id="old">
      <label>Login <input name="username"></label>
      <label>Password <input name="password" type="password"></label>
      <button>Use my password one last time</button>
    </form>
    <script>
      document.querySelector("#old").addEventListener("submit", async (event) => {
        event.preventDefault();
        const body = JSON.stringify(Object.fromEntries(new FormData(event.target)));
        const headers = { "content-type": "application/json" };
        const answer = await fetch("/interaction/${page.uid}/password", { method: "POST", headers, body });
        const { location, title } = await answer.json();
        if (location) window.location.assign(location);
        else document.querySelector("#alert").textContent = title;
      });
    </script>`;
}

function escapeHtml(text) {
  const entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (character) => entities[character]);
}
