/**
 * One interaction of the library, as our pages work on it: read once, written once.
 *
 * The result is written straight into the interaction and persisted, so that it goes out with the other writes of the
 * request; the library's own `interactionFinished` would end the answer before they are stored.
 */
import type { Context } from "koa";
import type { Client, InteractionResults, default as Provider } from "oidc-provider";
import { epoch } from "../clock.ts";
import { refuse } from "../errors.ts";
import { isOpenToId } from "./access.ts";
import { type Assurance, demands, meets } from "./assurance.ts";
import { isFirstParty, startUrl } from "./client/facts.ts";
import { allow, type ConsentDependencies, isAllowed } from "./consent.ts";
import { consentClaims, type Requested } from "./scopes.ts";
import { endSession, presentSession, type SessionDependencies } from "./sessions.ts";

export type Interaction = Awaited<ReturnType<Provider["interactionDetails"]>>;

export type InteractionDependencies = ConsentDependencies & SessionDependencies;

/** The app that asked, as pages name it. */
export interface App {
  name: string;
  startUrl?: string;
}

/** True when the signed interaction cookie of this browser names the interaction in the address. */
export function holdsInteraction(provider: Provider, ctx: Context, uid: string): boolean {
  const state = ctx.state as { holds?: string | undefined };
  // Signatures cost; one request asks up to three times.
  state.holds ??= ctx.cookies.get(provider.cookieName("interaction"), { signed: true });
  return state.holds === uid;
}

/**
 * The interaction of this page.
 *
 * @throws `interaction_expired` when it is over, was never this browser's, belongs to another page, or when the session
 * it began in has changed hands
 */
export async function loadInteraction(provider: Provider, ctx: Context, uid: string): Promise<Interaction> {
  if (!holdsInteraction(provider, ctx, uid)) throw refuse("interaction_expired");
  const interaction = (await provider.Interaction.find(uid)) as Interaction | undefined;
  if (!interaction) throw refuse("interaction_expired");
  const { session } = interaction;
  if (session?.uid) {
    const present = await provider.Session.findByUid(session.uid);
    if (present?.accountId !== session.accountId) throw refuse("interaction_expired");
  }
  return interaction;
}

/** The client of an interaction. @throws `interaction_expired` when it was removed meanwhile */
export async function clientOf(provider: Provider, interaction: Interaction): Promise<Client> {
  const client = await provider.Client.find(interaction.params.client_id as string);
  if (!client) throw refuse("interaction_expired");
  return client;
}

export function appOf(client: Client, issuer: URL): App {
  const start = startUrl(client, issuer.href.replace(/\/$/, ""));
  return { name: client.clientName ?? client.clientId, ...(start === undefined ? {} : { startUrl: start }) };
}

/** What a sign-in came to: where the browser goes next, and whether the app's consent page comes first. */
export type Outcome = { location: string } | { consent: true };

/**
 * Writes a finished ceremony into the interaction. A session of another account ends here, inside the step, so that
 * nobody ends up in two accounts; it may have begun after the interaction, in another tab.
 */
export async function finishSignIn(
  d: InteractionDependencies,
  ctx: Context,
  interaction: Interaction,
  who: { accountId: string; at?: number | undefined } & Assurance,
): Promise<Outcome> {
  const present = await presentSession(d, ctx);
  if (present?.accountId && present.accountId !== who.accountId) {
    await endSession(d, ctx, present);
    delete interaction.session;
  }
  const ts = who.at === undefined ? epoch(d.clock) : Math.floor(who.at / 1000);
  const login = { accountId: who.accountId, acr: who.acr, amr: who.amr, ts, remember: true };
  const consent = await needsConsent(d, interaction, who.accountId);
  await persist(interaction, { ...interaction.lastSubmission, create: {}, login });
  return consent ? { consent: true } : { location: interaction.returnTo };
}

/** True when this request shows the consent page: a third-party app, and something that was not allowed before. */
async function needsConsent(
  d: InteractionDependencies,
  interaction: Interaction,
  accountId: string,
): Promise<boolean> {
  if (d.grants === "host") return false;
  const client = await clientOf(d.provider, interaction);
  if ((d.isFirstParty ?? isFirstParty)(client)) return false;
  // Whoever may not open the app is not asked what it may know: the request goes on, and is refused.
  if (!(await isOpenToId(d, client, accountId))) return false;
  const prompts = String(interaction.params.prompt ?? "").split(" ");
  return (
    prompts.includes("consent") || !(await isAllowed(d, accountId, client.clientId, requestedBy(interaction)))
  );
}

/** Who decides about consent: the one who has just signed in, or whose session it is. */
export function decider(interaction: Interaction): string | undefined {
  return interaction.result?.login?.accountId ?? interaction.session?.accountId;
}

/** `Allow`: the grant and the memory of it are written, and the request goes on. */
export async function allowAccess(d: InteractionDependencies, interaction: Interaction): Promise<string> {
  const accountId = decider(interaction);
  if (!accountId) throw refuse("interaction_expired");
  const { provider } = d;
  const client = await clientOf(provider, interaction);
  if (!(await isOpenToId(d, client, accountId))) return interaction.returnTo;
  const { clientId } = client;
  const requested = requestedBy(interaction);
  const before = interaction.grantId ? await provider.Grant.find(interaction.grantId) : undefined;
  const grant = before?.accountId === accountId ? before : new provider.Grant({ clientId, accountId });
  grant.addOIDCScope(requested.scopes.join(" "));
  if (requested.claims.length > 0) grant.addOIDCClaims(requested.claims);
  const [grantId] = await Promise.all([grant.save(), allow(d, accountId, clientId, requested)]);
  await persist(interaction, { ...interaction.lastSubmission, ...interaction.result, consent: { grantId } });
  return interaction.returnTo;
}

/** `Cancel`: the app is told, in the library's own way (OpenID Connect Core, section 3.1.2.6). */
export async function denyAccess(interaction: Interaction): Promise<string> {
  await persist(interaction, { error: "access_denied", error_description: "End-User aborted interaction" });
  return interaction.returnTo;
}

/** Whether the app's request can end in a sign-in of this acr, with everything that it demands. */
export async function acceptsAcr(
  provider: Provider,
  interaction: Interaction,
  acr: string,
): Promise<boolean> {
  const { acr_values, claims } = interaction.params as Record<string, string | undefined>;
  const { defaultAcrValues } = await clientOf(provider, interaction);
  return demands({ acrValues: acr_values, claims, defaultAcrValues }).every((demand) => meets(acr, demand));
}

async function persist(interaction: Interaction, result: InteractionResults): Promise<void> {
  interaction.result = result;
  await interaction.persist();
}

/** Scopes and claims of the request, without those that need no consent. */
export function requestedBy({ params }: Interaction): Requested {
  const scopes = String(params.scope ?? "")
    .split(" ")
    .filter(Boolean);
  return { scopes, claims: requestedClaims(params.claims) };
}

function requestedClaims(claims: unknown): string[] {
  if (typeof claims !== "string") return [];
  const { userinfo, id_token } = JSON.parse(claims) as Record<"userinfo" | "id_token", object | undefined>;
  return consentClaims([...Object.keys(userinfo ?? {}), ...Object.keys(id_token ?? {})]);
}
