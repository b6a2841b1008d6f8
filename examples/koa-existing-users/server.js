/** After: the same app signs in with passkeys, and its password column empties. */
import { passkeys } from "latchkey";
import { lmdbStore } from "latchkey/lmdb";
import Provider from "oidc-provider";
import * as accounts from "./users.js";

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
