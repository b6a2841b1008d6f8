/** The same with a Redis Cluster that the app has already. */
import { Cluster } from "ioredis";
import { passkeys } from "latchkey";
import { redisStore } from "latchkey/redis";
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

const nodes = (process.env.REDIS ?? "localhost:7000").split(",").map((node) => {
  const [host, at] = node.split(":");
  return { host, port: Number(at) };
});
const redis = new Cluster(nodes, { keyPrefix: "app:" });
// A change that must not be lost is acknowledged when a replica has it.
const store = redisStore(redis, { prefix: "passkeys:", durability: "replica" });
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
