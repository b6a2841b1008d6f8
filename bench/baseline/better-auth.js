/**
 * The baseline of P3: better-auth with its passkey and oauth-provider plugins over SQLite in memory, doing the same
 * complete sign-in. Set up as its documentation says and as fast as it lets itself be: ES256 as everywhere here, the
 * client cached, no rate limits, no telemetry, no log.
 */
import { createServer } from "node:http";
import { oauthProvider } from "@better-auth/oauth-provider";
import { passkey } from "@better-auth/passkey";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins";
import { Kysely, SqliteDialect } from "kysely";
import Database from "libsql";

const clientId = "bench";

/** People are made by the registration itself, so that the accounts can be filled in from outside. */
async function resolveUser({ ctx, context }) {
  const user = await ctx.context.internalAdapter.createUser({
    name: context,
    email: `${context}@example.test`,
    emailVerified: true,
  });
  return { id: user.id, name: user.email, displayName: user.name };
}

function options(issuer) {
  const database = new Kysely({ dialect: new SqliteDialect({ database: new Database(":memory:") }) });
  return {
    baseURL: issuer,
    basePath: "/api/auth",
    secret: "a-secret-of-the-benchmark-alone-32b",
    database: { db: database, type: "sqlite", transaction: true },
    logger: { disabled: true },
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    emailAndPassword: { enabled: true },
    disabledPaths: ["/token"],
    plugins: [
      jwt({ jwks: { keyPairConfig: { alg: "ES256" } } }),
      passkey({
        rpID: "localhost",
        rpName: "Bench",
        origin: issuer,
        registration: { requireSession: false, resolveUser },
      }),
      oauthProvider({
        loginPage: "/sign-in",
        consentPage: "/consent",
        cachedTrustedClients: new Set([clientId]),
        generateClientId: () => clientId,
      }),
    ],
  };
}

/** A client must belong to somebody: an operator with a password, who then never comes back. */
async function operator(auth) {
  const person = {
    name: "Operator",
    email: "operator@example.test",
    password: "a-password-of-the-benchmark",
  };
  const { headers } = await auth.api.signUpEmail({ body: person, returnHeaders: true });
  return new Headers({
    cookie: headers
      .getSetCookie()
      .map((line) => line.split(";")[0])
      .join("; "),
  });
}

async function prepare(issuer) {
  const settings = options(issuer);
  await (await getMigrations(settings)).runMigrations();
  const auth = betterAuth(settings);
  const metadata = {
    client_name: "Bench",
    redirect_uris: ["https://app.example/callback"],
    token_endpoint_auth_method: "client_secret_basic",
    scope: "openid email profile",
    skip_consent: true,
  };
  return {
    auth,
    client: await auth.api.adminCreateOAuthClient({ headers: await operator(auth), body: metadata }),
  };
}

const server = createServer().listen(0, "127.0.0.1", async () => {
  const issuer = `http://localhost:${server.address().port}`;
  const { auth, client } = await prepare(issuer);
  const handler = toNodeHandler(auth);
  server.on("request", (request, response) => {
    if (!request.url.startsWith("/sign-in")) return handler(request, response);
    response
      .setHeader("content-type", "text/html; charset=utf-8")
      .end("<!doctype html><title>Sign in</title><button>Sign in</button>");
  });
  const { client_id, client_secret } = client;
  console.log(JSON.stringify({ msg: "listening", issuer, client: { id: client_id, secret: client_secret } }));
});
process.once("SIGTERM", () => server.close(() => process.exit(0)).closeAllConnections());
