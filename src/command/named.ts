/** The account that an operator names, for every command that is about one. */
import type { Account } from "../account/account.ts";
import { refuse } from "../errors.ts";
import type { Installation } from "../installation.ts";

/** By id, username or verified e-mail address. @throws `account_unknown` */
export async function accountNamed({ accounts }: Installation, named: string): Promise<Account> {
  // The id comes first: a username may be chosen to look like another account's id.
  const found = (await accounts.find(named)) ?? (await accounts.findByLogin(named));
  if (!found) throw refuse("account_unknown", { detail: `Nobody is called ${named.slice(0, 64)}.` });
  return found.value;
}
