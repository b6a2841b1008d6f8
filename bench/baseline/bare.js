/**
 * The baseline of P1 and P8: bare oidc-provider with its own in-memory adapter. No passkey, no store: whoever posts
 * the sign-in page is signed in. ES256, signed cookies, code + PKCE, the grant given in the same step: as lean as the
 * library goes without reaching into it.
 */
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const jwk = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });

const configuration = {
  clients: [
    {
      client_id: "bench",
      client_secret: "a-secret-of-the-benchmark-alone",
      redirect_uris: ["https://app.example/callback"],
    },
  ],
  clientDefaults: { id_token_signed_response_alg: "ES256" },
  jwks: { keys: [{ ...jwk, kid: "bench", use: "sig", alg: "ES256" }] },
  cookies: { keys: ["a-key-of-the-benchmark-alone"] },
  features: { devInteractions: { enabled: false } },
  responseTypes: ["code"],
  pkce: { required: () => true },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: "Ada", email: "ada@example.test", email_verified: true }),
  }),
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({
      clientId: oidc.client.clientId,
      accountId: oidc.session.accountId,
    });
    grant.addOIDCScope("openid email profile");
    await grant.save(1_209_600);
    return grant;
  },
};

/** Serves the provider on a free port, with `adapter` in place of the library's own, and says where. */
export function serve(adapter) {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const issuer = `http://localhost:${server.address().port}`;
    const provider = new Provider(issuer, adapter ? { ...configuration, adapter } : configuration);
    provider.use(async (ctx, next) => {
      if (!ctx.path.startsWith("/interaction/")) return next();
      const { uid } = await provider.interactionDetails(ctx.req, ctx.res);
      if (ctx.method === "GET") {
        ctx.type = "html";
        ctx.body = `<!doctype html><title>Sign in</title><form method="post" action="/interaction/${uid}"><button>Sign in</button></form>`;
      } else {
        ctx.body = {
          location: await provider.interactionResult(ctx.req, ctx.res, { login: { accountId: "ada" } }),
        };
      }
    });
    server.on("request", provider.callback());
    console.log(JSON.stringify({ msg: "listening", issuer }));
  });
  process.once("SIGTERM", () => server.close(() => process.exit(0)).closeAllConnections());
}

if (process.argv[1] === import.meta.filename) serve();
