/** Before: an OpenID provider with a password page of its own. */
import Provider from "oidc-provider";
import { find, findByLogin, verifyPassword } from "./users.js";

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
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_ctx, { uid }) => `/login/${uid}` },
  findAccount: (_ctx, id) => find(id),
};

const provider = new Provider(issuer, configuration);
provider.use(passwordPage);
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

async function passwordPage(ctx, next) {
  if (!ctx.path.startsWith("/login/")) return next();
  const { uid } = await provider.interactionDetails(ctx.req, ctx.res);
  if (ctx.method === "POST") {
    const form = new URLSearchParams(await text(ctx.req));
    const id = await findByLogin(form.get("login") ?? "");
    if (id && (await verifyPassword(id, form.get("password") ?? ""))) {
      ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, { login: { accountId: id } }));
      return;
    }
  }
  ctx.body = `<!doctype html><title>Sign in</title><link rel="icon" href="data:,">
    <form method="post" action="/login/${uid}">
      <label>Login <input name="login"></label>
      <label>Password <input name="password" type="password"></label>
      <button>Sign in</button>
    </form>`;
}

async function text(stream) {
  let all = "";
  for await (const part of stream) all += part;
  return all;
}
