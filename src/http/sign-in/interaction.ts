/** The pages an app's request leads to: sign in, create an account. */
import type { Context, Next } from "koa";
import { isRefusal, refuse } from "../../errors.ts";
import {
  appOf,
  clientOf,
  holdsInteraction,
  type Interaction,
  loadInteraction,
} from "../../oidc/interaction.ts";
import type { CeremonyModel } from "../../view/models.ts";
import { offersPasswords } from "../conversion/password.ts";
import { browserOf } from "../page/browser.ts";
import { askForAssertion, askForPasskey, type Place, takeAssertion } from "../page/ceremonies.ts";
import { rememberDevice } from "../page/cross-device.ts";
import { answerError } from "../page/failure.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readAuthentication } from "../page/input.ts";
import { page } from "../page/page.ts";
import { param } from "../page/route.ts";
import { signInOrObject } from "../recovery/objection.ts";
import { findSitting } from "../visit/sitting.ts";
import { appVisit } from "../visit/visit.ts";
import { showConsent } from "./consent.ts";
import { enrol, prove } from "./enrol.ts";
import { rememberApp, rememberedApp } from "./remembered-app.ts";
import { signUp } from "./sign-up.ts";

type Show = (house: House, ctx: Context, interaction: Interaction) => Promise<void>;

function placeOf(house: House, ctx: Context, uid: string, action: "sign-in" | "sign-up"): Place {
  return { page: uid, browser: browserOf(ctx, house.issuer), action };
}

/**
 * `GET /interaction/:uid`: whatever this interaction waits for. Mostly that is a sign-in, so its challenge is written
 * while the interaction is read.
 */
export async function showInteraction(house: House, ctx: Context): Promise<void> {
  const ceremony = holdsInteraction(house.provider, ctx, param(ctx, "uid"))
    ? askToSignIn(house, ctx)
    : undefined;
  ceremony?.catch(() => {});
  await showing(house, ctx, async (_house, _ctx, interaction) => {
    const { name } = interaction.prompt;
    if (interaction.result?.login || name === "consent") return showConsent(house, ctx, interaction);
    if (name === "create") return showCreate(house, ctx, interaction);
    if (name === "login") return showSignIn(house, ctx, interaction, ceremony);
    throw refuse("interaction_expired");
  });
}

/** `GET /interaction/:uid/register` */
export const showRegister = (house: House, ctx: Context) => showing(house, ctx, showCreate);

/** `GET /interaction/:uid/sign-in`: the way back from the page that creates an account. */
export const showSignInAgain = (house: House, ctx: Context) => showing(house, ctx, showSignIn);

/** Loads the interaction and shows a page of it; one that is over names its app and how to start again. */
async function showing(house: House, ctx: Context, show: Show): Promise<void> {
  const uid = param(ctx, "uid");
  try {
    const interaction = await loadInteraction(house.provider, ctx, uid);
    rememberApp(house, ctx, uid, interaction.params.client_id as string);
    await show(house, ctx, interaction);
  } catch (error) {
    if (!isRefusal(error, "interaction_expired")) throw error;
    answerError(house.renderer, house.log, ctx, error, await rememberedApp(house, ctx, uid));
  }
}

function askToSignIn(house: House, ctx: Context): Promise<CeremonyModel> {
  const uid = param(ctx, "uid");
  return askForAssertion(house, placeOf(house, ctx, uid, "sign-in"), `/interaction/${uid}/passkey`);
}

async function showSignIn(
  house: House,
  ctx: Context,
  interaction: Interaction,
  ceremony: Promise<CeremonyModel> = askToSignIn(house, ctx),
): Promise<void> {
  const { provider, issuer, signUp } = house;
  const path = `/interaction/${interaction.uid}`;
  const [client, passwords] = await Promise.all([clientOf(provider, interaction), offersPasswords(house)]);
  const hint = interaction.params.login_hint;
  const model = {
    ...(await ceremony),
    app: appOf(client, issuer),
    recoverUrl: `${path}/recover`,
    ...(signUp === "open" ? { signUpUrl: `${path}/register` } : {}),
    ...(passwords ? { passwordUrl: `${path}/password` } : {}),
    ...(typeof hint === "string" ? { loginHint: hint.slice(0, 254) } : {}),
  };
  page(house.renderer, ctx, "signin", model, interaction.params.ui_locales);
}

async function showCreate(house: House, ctx: Context, interaction: Interaction): Promise<void> {
  if (house.signUp !== "open") throw refuse("sign_up_closed");
  const path = `/interaction/${interaction.uid}`;
  const present = interaction.session?.accountId;
  const [client, ceremony, over] = await Promise.all([
    clientOf(house.provider, interaction),
    askForPasskey(house, placeOf(house, ctx, interaction.uid, "sign-up"), `${path}/register`),
    present === undefined ? undefined : house.accounts.find(present),
  ]);
  const model = {
    ...ceremony,
    app: appOf(client, house.issuer),
    setup: false,
    signInUrl: `${path}/sign-in`,
    ...(over === undefined ? {} : { over: over.value.name ?? over.value.username }),
  };
  page(house.renderer, ctx, "create", model, interaction.params.ui_locales);
}

/** `POST /interaction/:uid/passkey`: the interaction, the challenge and the account are read at once. */
export async function signInWithPasskey(house: House, ctx: Context, next: Next): Promise<void> {
  if (ctx.query.step === "prove") return prove(house, ctx, next);
  const uid = param(ctx, "uid");
  assertSameOrigin(ctx, house.issuer);
  const response = await readAuthentication(ctx);
  if (!holdsInteraction(house.provider, ctx, uid)) throw refuse("interaction_expired");
  const [interaction, done] = await bothOrRefuse(
    loadInteraction(house.provider, ctx, uid),
    takeAssertion(house, placeOf(house, ctx, uid, "sign-in"), response, { also: "suspended" }),
  );
  const visit = appVisit(house, ctx, next, interaction);
  const location = await signInOrObject(house, visit, done);
  rememberDevice(ctx, house.issuer, done);
  ctx.body = { location };
}

/**
 * `POST /interaction/:uid/register`: makes the account, and is itself the authentication (UP and UV). In a sitting the
 * passkey is the account's that the sitting is about.
 */
export async function register(house: House, ctx: Context, next: Next): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  if (!holdsInteraction(house.provider, ctx, param(ctx, "uid"))) throw refuse("interaction_expired");
  const interaction = await loadInteraction(house.provider, ctx, param(ctx, "uid"));
  if (interaction.result?.login) throw refuse("interaction_expired");
  const visit = appVisit(house, ctx, next, interaction);
  const sitting = await findSitting(house.store, visit);
  await (sitting ? enrol(house, ctx, visit, sitting) : signUp(house, ctx, visit));
}

/**
 * An interaction that is over, or in which somebody has signed in already, is said first: it explains whatever else
 * went wrong, and nothing is made for it.
 */
async function bothOrRefuse<T>(
  interaction: Promise<Interaction>,
  ceremony: Promise<T>,
): Promise<[Interaction, T]> {
  const [first, second] = await Promise.allSettled([interaction, ceremony]);
  if (first.status === "rejected") throw first.reason;
  if (first.value.result?.login) throw refuse("interaction_expired");
  if (second.status === "rejected") throw second.reason;
  return [first.value, second.value];
}
