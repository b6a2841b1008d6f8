/**
 * The demo app: a real relying party on a path of its own, so that a newcomer sees a whole sign-in work and what an
 * app gets from it. Only with a localhost issuer.
 */
import Router from "@koa/router";
import type { Context } from "koa";
import type Provider from "oidc-provider";
import type { Configuration as Rp } from "openid-client";
import type { Clock } from "../clock.ts";
import { isRefusal } from "../errors.ts";
import { page } from "../http/page/page.ts";
import { clients } from "../oidc/client/clients.ts";
import type { Store } from "../store/store.ts";
import type { Vault } from "../vault.ts";
import type { ClaimModel } from "../view/models.ts";
import type { Renderer } from "../view/render.ts";

export interface DemoDependencies {
  issuer: URL;
  store: Store;
  clock: Clock;
  renderer: Renderer;
  vault: Vault;
}

/** What the app knows between two requests of one browser. */
interface Visit {
  verifier?: string;
  state?: string;
  nonce?: string;
  maxAge?: number;
  idToken?: string;
  userinfo?: object;
}

const CLIENT_ID = "latchkey-demo";
const COOKIE = "latchkey_demo";

/** Registers the app with the provider and answers below `/demo`. */
export async function mountDemo(provider: Provider, d: DemoDependencies): Promise<void> {
  await register(d);
  const relyingParty = lazily(() => discover(d.issuer));
  const router = new Router({ prefix: "/demo" });
  const visits = visitsIn(d.vault);
  router.get("/", async (ctx) => show(d, ctx as unknown as Context, visits.read(ctx as unknown as Context)));
  router.get("/sign-in", async (ctx) => begin(await relyingParty(), d, ctx as unknown as Context, visits));
  router.get("/callback", async (ctx) => finish(await relyingParty(), d, ctx as unknown as Context, visits));
  router.get("/sign-out", async (ctx) => leave(await relyingParty(), d, ctx as unknown as Context, visits));
  provider.use(router.routes() as unknown as Parameters<Provider["use"]>[0]);
}

async function register({ issuer, store, clock }: DemoDependencies): Promise<void> {
  // Nobody added this app, so nobody is told about it.
  const registry = clients({ store, clock, announce: () => {} });
  const uris = {
    redirectUris: [`${issuer.origin}/demo/callback`],
    postLogoutRedirectUris: [`${issuer.origin}/demo`],
    // One click on the portal signs in.
    clientUri: `${issuer.origin}/demo/sign-in`,
  };
  try {
    await registry.add({ id: CLIENT_ID, name: "Latchkey demo", kind: "spa", firstParty: true, ...uris });
  } catch (error) {
    if (!isRefusal(error, "client_exists")) throw error;
    // The port may be another one than last time.
    await registry.update(CLIENT_ID, uris);
  }
}

/** Loads the library and the discovery document with the first visitor, so that the start does not wait for them. */
async function discover(issuer: URL): Promise<Rp> {
  const oidc = await import("openid-client");
  return oidc.discovery(issuer, CLIENT_ID, undefined, oidc.None(), { execute: [oidc.allowInsecureRequests] });
}

function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

function show({ renderer }: DemoDependencies, ctx: Context, visit: Visit | undefined): void {
  if (!visit?.idToken) {
    page(renderer, ctx, "demo", { signInUrl: "/demo/sign-in" });
    return;
  }
  page(renderer, ctx, "demo_claims", {
    claims: [...explain(payloadOf(visit.idToken), "id_token"), ...explain(visit.userinfo ?? {}, "userinfo")],
    againUrl: "/demo/sign-in?fresh=1",
    signOutUrl: "/demo/sign-out",
  });
}

async function begin(rp: Rp, { issuer }: DemoDependencies, ctx: Context, visits: Visits): Promise<void> {
  const oidc = await import("openid-client");
  const visit: Visit = {
    verifier: oidc.randomPKCECodeVerifier(),
    state: oidc.randomState(),
    nonce: oidc.randomNonce(),
    ...(ctx.query.fresh === undefined ? {} : { maxAge: 0 }),
  };
  visits.write(ctx, visit);
  const url = oidc.buildAuthorizationUrl(rp, {
    redirect_uri: `${issuer.origin}/demo/callback`,
    scope: "openid profile email",
    code_challenge: await oidc.calculatePKCECodeChallenge(visit.verifier ?? ""),
    code_challenge_method: "S256",
    state: visit.state ?? "",
    nonce: visit.nonce ?? "",
    ...(visit.maxAge === undefined ? {} : { max_age: String(visit.maxAge) }),
  });
  ctx.redirect(url.href);
}

async function finish(rp: Rp, { issuer }: DemoDependencies, ctx: Context, visits: Visits): Promise<void> {
  const visit = visits.read(ctx);
  const answer = new URL(ctx.url, issuer);
  if (!visit?.verifier || answer.searchParams.has("error")) return ctx.redirect("/demo");
  const oidc = await import("openid-client");
  const tokens = await oidc.authorizationCodeGrant(rp, answer, {
    pkceCodeVerifier: visit.verifier,
    expectedState: visit.state ?? "",
    expectedNonce: visit.nonce ?? "",
    ...(visit.maxAge === undefined ? {} : { maxAge: visit.maxAge }),
    idTokenExpected: true,
  });
  const userinfo = await oidc.fetchUserInfo(rp, tokens.access_token, tokens.claims()?.sub ?? "");
  visits.write(ctx, { idToken: tokens.id_token ?? "", userinfo });
  ctx.redirect("/demo");
}

/** Checked by the relying party's library when it came. */
function payloadOf(idToken: string): object {
  return JSON.parse(Buffer.from(idToken.split(".")[1] ?? "", "base64url").toString("utf8"));
}

function explain(claims: object, source: ClaimModel["source"]): ClaimModel[] {
  return Object.entries(claims).map(([name, value]) => ({
    name,
    value: typeof value === "string" ? value : JSON.stringify(value),
    source,
  }));
}

async function leave(rp: Rp, { issuer }: DemoDependencies, ctx: Context, visits: Visits): Promise<void> {
  const oidc = await import("openid-client");
  const visit = visits.read(ctx);
  visits.end(ctx);
  const url = oidc.buildEndSessionUrl(rp, {
    post_logout_redirect_uri: `${issuer.origin}/demo`,
    ...(visit?.idToken === undefined ? {} : { id_token_hint: visit.idToken }),
  });
  ctx.redirect(url.href);
}

/** The app's own memory of a browser: in a cookie of its own, sealed, so that the store knows nothing of the app. */
interface Visits {
  read(ctx: Context): Visit | undefined;
  write(ctx: Context, visit: Visit): void;
  end(ctx: Context): void;
}

function visitsIn(vault: Vault): Visits {
  const options = { httpOnly: true, sameSite: "lax", path: "/demo", signed: false } as const;
  return {
    read(ctx) {
      const sealed = ctx.cookies.get(COOKIE, options);
      try {
        return sealed === undefined ? undefined : (JSON.parse(vault.open(sealed, COOKIE)) as Visit);
      } catch {
        return undefined;
      }
    },
    write: (ctx, visit) => void ctx.cookies.set(COOKIE, vault.wrap(JSON.stringify(visit), COOKIE), options),
    end: (ctx) => void ctx.cookies.set(COOKIE, null, options),
  };
}
