/**
 * When the person has to do something: the library's interaction policy with our checks in place of those that can be
 * bypassed or loop (sources: OpenID Connect Core, section 3.1.2.1; Initiating User Registration 1.0; RFC 9470).
 */
import { type Client, errors, interactionPolicy, type KoaContextWithOIDC } from "oidc-provider";
import { type AccessDependencies, noAccess } from "./access.ts";
import { demands, meets, reachable } from "./assurance.ts";
import { isFirstParty } from "./client/facts.ts";

const { Prompt, Check, base } = interactionPolicy;
const { REQUEST_PROMPT, NO_NEED_TO_PROMPT } = Check;

export interface PolicyDependencies extends AccessDependencies {
  /** Whether an app is the operator's own and asks for no consent. Default: what its metadata says. */
  isFirstParty?: ((client: Client) => boolean) | undefined;
}

/** The policy of this provider: `create`, `login`, `consent`, in this order. */
export function policy({
  isFirstParty: isOwn = isFirstParty,
  ...d
}: PolicyDependencies): interactionPolicy.DefaultPolicy {
  const prompts = base();
  prompts.add(new Prompt({ name: "create", requestable: true }), 0);

  const login = prompts.get("login");
  if (!login) throw new TypeError("the library's login prompt is gone");
  for (const reason of ["essential_acrs", "essential_acr"]) login.checks.remove(reason);
  login.checks.add(accountGone());
  login.checks.add(acrUnmet());
  keepHint(login.checks);
  endLoops(login.checks, ["id_token_hint", "claims_id_token_sub_value"]);

  const consent = prompts.get("consent");
  if (!consent) throw new TypeError("the library's consent prompt is gone");
  consent.checks.add(noAccess(d), 0);
  skipForFirstParty(consent.checks, ["native_client_prompt", "consent_prompt"], isOwn);
  return prompts;
}

/** A session can outlive its account's being active: then nobody is signed in, and the library must not go on. */
function accountGone(): interactionPolicy.Check {
  return new Check("account_gone", "End-User authentication is required", "login_required", ({ oidc }) =>
    oidc.session?.accountId !== undefined && oidc.account === undefined ? REQUEST_PROMPT : NO_NEED_TO_PROMPT,
  );
}

/**
 * One fresh ceremony for a demanded acr, then the truth: a token that meets it, or
 * `unmet_authentication_requirements`. Never a loop, and never a token that says less than was demanded.
 */
function acrUnmet(): interactionPolicy.Check {
  return new Check(
    "acr_unmet",
    "the requested authentication could not be obtained",
    "unmet_authentication_requirements",
    (ctx) => {
      const { oidc } = ctx;
      const wanted = demands({
        acrValues: oidc.params?.acr_values as string | undefined,
        claims: oidc.params?.claims as string | undefined,
        defaultAcrValues: oidc.client?.defaultAcrValues,
      });
      const unmet = wanted.filter((demand) => !meets(oidc.session?.acr, demand));
      if (unmet.length === 0) return NO_NEED_TO_PROMPT;
      const tried = oidc.result?.login !== undefined;
      if (tried || !unmet.every(reachable)) {
        throw new errors.UnmetAuthenticationRequirements(
          "the requested authentication could not be obtained",
        );
      }
      return REQUEST_PROMPT;
    },
  );
}

/**
 * The library loads the hint when the request comes in, and forgets it while the person signs in: whoever signed in
 * would pass. Here it is loaded again.
 */
function keepHint(checks: interactionPolicy.Prompt["checks"]): void {
  const original = required(checks, "id_token_hint");
  const check = original.check;
  original.check = async (ctx: KoaContextWithOIDC) => {
    const { client, entities, params, provider } = ctx.oidc;
    const hint = params?.id_token_hint;
    if (client && typeof hint === "string" && entities.IdTokenHint === undefined) {
      ctx.oidc.entity("IdTokenHint", await provider.IdToken.validate(hint, client));
    }
    return check(ctx);
  };
}

/** A check that the fresh sign-in did not meet ends the request, where the library would ask for ever. */
function endLoops(checks: interactionPolicy.Prompt["checks"], reasons: readonly string[]): void {
  for (const reason of reasons) {
    const original = required(checks, reason);
    const check = original.check;
    original.check = async (ctx: KoaContextWithOIDC) => {
      const prompt = await check(ctx);
      if (prompt && ctx.oidc.result?.login) throw new errors.LoginRequired("another account was requested");
      return prompt;
    };
  }
}

/** First-party apps ask for no consent, except where another check finds something that was not granted. */
function skipForFirstParty(
  checks: interactionPolicy.Prompt["checks"],
  reasons: readonly string[],
  isOwn: (client: Client) => boolean,
): void {
  for (const reason of reasons) {
    const original = required(checks, reason);
    const check = original.check;
    original.check = (ctx: KoaContextWithOIDC) =>
      ctx.oidc.client && isOwn(ctx.oidc.client) ? NO_NEED_TO_PROMPT : check(ctx);
  }
}

function required(checks: interactionPolicy.Prompt["checks"], reason: string): interactionPolicy.Check {
  const check = checks.get(reason);
  if (!check) throw new TypeError(`the library's check ${reason} is gone`);
  return check;
}
