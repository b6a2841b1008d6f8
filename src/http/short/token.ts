/** `POST /token` on the short way. */
import type { IncomingMessage } from "node:http";
import { authenticated } from "../../oidc/short/client-authentication.ts";
import { type RedeemDependencies, type Redeemed, redeem } from "../../oidc/short/redeem.ts";
import { type Answer, json } from "./answer.ts";
import { peek } from "./peek.ts";

const FORM = new Set(["grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret"]);
const FORM_TYPE = /^application\/x-www-form-urlencoded(; ?charset=utf-8)?$/i;
const VERIFIER = /^[\w.~-]{43,128}$/;

export async function askToken(
  d: RedeemDependencies,
  request: IncomingMessage,
  query: string,
): Promise<Answer | undefined> {
  const { headers } = request;
  if (query !== "" || !FORM_TYPE.test(headers["content-type"] ?? "")) return undefined;
  const form = ordinaryForm(await peek(request));
  if (form?.grant_type !== "authorization_code" || !VERIFIER.test(form.code_verifier ?? "")) return undefined;
  const commit = await prepared(d, headers.authorization, form).catch(() => undefined);
  return commit && answer(await commit());
}

async function prepared(
  d: RedeemDependencies,
  authorization: string | undefined,
  {
    code = "",
    redirect_uri: redirectUri = "",
    code_verifier: verifier = "",
    ...rest
  }: Record<string, string>,
): Promise<(() => Promise<Redeemed>) | undefined> {
  const client = await authenticated(d.provider, authorization, rest);
  return client && redeem(d, client, { code, redirectUri, verifier });
}

/** What the library says to whoever comes second. */
const LOST = { error: "invalid_grant", error_description: "grant request is invalid" };

function answer(redeemed: Redeemed): Answer {
  return redeemed === "lost" ? json(400, LOST) : json(200, redeemed);
}

/** The parameters, when each is known and there once. */
function ordinaryForm(body: Buffer | undefined): Record<string, string> | undefined {
  if (!body) return undefined;
  const form: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(body.toString("utf8"))) {
    if (!FORM.has(name) || name in form) return undefined;
    form[name] = value;
  }
  return form;
}
