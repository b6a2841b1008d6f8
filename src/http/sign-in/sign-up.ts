/** Making an account, which signs in at once; on an app's request and on our own pages alike. */
import type { Context } from "koa";
import type { Account } from "../../account/account.ts";
import { refuse } from "../../errors.ts";
import { passkeyAssurance } from "../../oidc/assurance.ts";
import { orForgotten, takePasskey } from "../page/ceremonies.ts";
import type { House } from "../page/house.ts";
import { readRegistration } from "../page/input.ts";
import { localeOf } from "../page/page.ts";
import type { Visit } from "../visit/visit.ts";

/** Makes a new account out of the answer, which is itself the authentication (UP and UV). */
export async function signUp(house: House, ctx: Context, visit: Visit): Promise<void> {
  if (house.signUp !== "open") throw refuse("sign_up_closed");
  const { response, ...fields } = await readRegistration(ctx);
  const made = await takePasskey(house, visit.place("sign-up"), response);
  const passkey = { ...made.passkey, addedBy: "sign_up" as const };
  const language = localeOf(house.renderer, ctx);
  const input = { ...fields, language, handle: made.handle, passkey };
  const account = await orForgotten(house.accounts.create(input));
  tellWhoseAddressItIs(house, account);
  ctx.body = { location: await visit.finish(account.id, passkeyAssurance(passkey), "sign_up") };
}

/** An address that was typed may be somebody's: he is told, beside the answer, which is the same for any address. */
function tellWhoseAddressItIs({ accounts, notify, clock, log }: House, { id, email }: Account): void {
  if (email === undefined) return;
  const tell = async () => {
    const owner = (await accounts.findByLogin(email))?.value;
    if (owner && owner.id !== id) await notify(owner, { kind: "address_used", at: clock.now() });
  };
  tell().catch((err: unknown) => log.warn({ err }, "the owner of an address could not be told"));
}
