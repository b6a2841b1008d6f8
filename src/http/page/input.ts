/** What comes in with a POST: who may send it, how large it may be, and what it must look like. */
import type { Context } from "koa";
import rawBody from "raw-body";
import * as z from "zod";
import { refuse } from "../../errors.ts";

/** Enough for the largest attestation, and far from what would hurt. */
const LIMIT = 16 * 1024;

/**
 * Refuses what another origin's page sends with this browser's cookies: a cross-origin request names its origin, or
 * says `Sec-Fetch-Site`; a request that does neither comes from no browser of today and carries nobody's cookies. The
 * other origins of the relying party count as others: they run ceremonies, but all our pages are the issuer's.
 */
export function assertSameOrigin(ctx: Context, issuer: URL): void {
  if (!isOurs(ctx.get("origin"), ctx.get("sec-fetch-site"), issuer)) throw refuse("origin_refused");
}

function isOurs(origin: string, site: string, issuer: URL): boolean {
  // Under `Referrer-Policy: no-referrer` our own plain forms send this (Fetch, section 3.2), as anybody's sandbox does.
  if (origin === "null") return site === "same-origin";
  if (origin === "") return ["", "none", "same-origin"].includes(site);
  return origin === issuer.origin;
}

/** The body as JSON. @throws `media_type_unsupported`, `request_too_large`, `request_invalid` */
export async function readJson(ctx: Context): Promise<unknown> {
  if (ctx.is("application/json") !== "application/json" || !isUtf8(ctx))
    throw refuse("media_type_unsupported");
  const read = readBefore(ctx);
  if (read !== undefined) return read;
  const text = await readText(ctx);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refuse("request_invalid", { cause });
  }
}

/** The body of a form. @throws `media_type_unsupported`, `request_too_large` */
export async function readForm(ctx: Context): Promise<URLSearchParams> {
  if (ctx.get("content-length") === "0") return new URLSearchParams();
  if (ctx.is("urlencoded") !== "urlencoded") throw refuse("media_type_unsupported");
  const read = readBefore(ctx);
  return new URLSearchParams(read === undefined ? await readText(ctx) : textsOf(read));
}

/** A host's own middleware may have read the body before us; then it is where `express.json()` and its kind put it. */
function readBefore({ req, request }: Context): object | undefined {
  if (!req.readableEnded) return undefined;
  const { body = (request as { body?: unknown }).body } = req as { body?: unknown };
  return typeof body === "object" && body !== null ? body : undefined;
}

/** A form's fields are texts; what a cleverer parser has made of others is no field of ours. */
function textsOf(body: object): Record<string, string> {
  const fields = Object.entries(body).filter(([, value]) => typeof value === "string");
  return Object.fromEntries(fields) as Record<string, string>;
}

/** JSON has one encoding (RFC 8259, section 8.1); a request that claims another one is up to something. */
function isUtf8({ request }: Context): boolean {
  return ["", "utf-8"].includes(request.charset.toLowerCase());
}

async function readText(ctx: Context): Promise<string> {
  if (ctx.get("content-encoding") !== "") throw refuse("media_type_unsupported");
  const length = Number(ctx.get("content-length") || 0);
  if (length > LIMIT) throw refuse("request_too_large");
  const bytes = await rawBody(ctx.req, { limit: LIMIT });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw refuse("request_invalid", { cause });
  }
}

const optionalText = z
  .string()
  .max(1024)
  .transform((text) => text.trim())
  .optional();

const authenticationBody = z.strictObject({
  response: z.unknown(),
  username: z.string().max(1024).optional(),
});

const registrationBody = z.strictObject({
  response: z.unknown(),
  name: optionalText,
  email: optionalText,
  username: optionalText,
  /** Credential ids, comma separated: the passkeys that are lost, at a recovery. */
  lost: z.string().max(32_768).optional(),
});

export type RegistrationBody = z.output<typeof registrationBody>;

const passwordBody = z.strictObject({
  username: z.string().max(1024),
  // A password is what was typed, to the last blank.
  password: z.string().max(1024),
});

/** What was typed to sign in with a legacy password. */
export async function readPassword(ctx: Context): Promise<{ username: string; password: string }> {
  return shaped(passwordBody, await readJson(ctx));
}

/** What was typed to get back in. */
export async function readRecovery(ctx: Context): Promise<{ username: string; code: string }> {
  const body = z.strictObject({ username: z.string().max(1024), code: z.string().max(256) });
  return shaped(body, await readJson(ctx));
}

/** Who asks for a mail. */
export async function readUsername(ctx: Context): Promise<string> {
  return shaped(z.strictObject({ username: z.string().max(1024) }), await readJson(ctx)).username;
}

/** What the holder of a passkey says that was declared lost. */
export async function readObjection(ctx: Context): Promise<"cancel" | "keep"> {
  const sent = ctx.is("json") ? await readJson(ctx) : Object.fromEntries(await readForm(ctx));
  return shaped(z.strictObject({ decision: z.enum(["cancel", "keep"]) }), sent).decision;
}

/** A code that was typed: a mailed one, a temporary pass. */
export async function readCode(ctx: Context): Promise<string> {
  return shaped(z.strictObject({ code: z.string().max(256) }), await readJson(ctx)).code;
}

/** A post that says nothing but that it was pressed, as JSON from the page's script or as the plain form. */
export async function readNothing(ctx: Context): Promise<void> {
  const sent = ctx.is("json") ? await readJson(ctx) : Object.fromEntries(await readForm(ctx));
  shaped(z.strictObject({}), sent);
}

/** The answer to an authentication ceremony; fields of the page's form may come along. */
export async function readAuthentication(ctx: Context): Promise<unknown> {
  return shaped(authenticationBody, await readJson(ctx)).response;
}

/** The answer to a registration ceremony with the fields of the page; an empty field is one that was not filled in. */
export async function readRegistration(ctx: Context): Promise<RegistrationBody> {
  return shaped(registrationBody, await readJson(ctx));
}

/** Unknown members are refused, so that nobody sets what is not theirs to set. */
function shaped<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (!result.success) throw refuse("request_invalid", { cause: result.error });
  return result.data;
}

const decisionBody = z.strictObject({ decision: z.enum(["allow", "cancel"]) });

/** What somebody decided on the consent page. */
export async function readDecision(ctx: Context): Promise<"allow" | "cancel"> {
  const sent = ctx.is("json") ? await readJson(ctx) : Object.fromEntries(await readForm(ctx));
  return shaped(decisionBody, sent).decision;
}
