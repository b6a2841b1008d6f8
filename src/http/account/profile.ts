/** Who the owner is, on the owner's page. */
import type { Account } from "../../account/account.ts";
import type { ProfileModel } from "../../view/models.ts";

/** What the page shows of the person. */
export function profileSection(account: Account): ProfileModel {
  const { username, email, emailVerified, name = username } = account;
  return { name, username, emailVerified, ...(email === undefined ? {} : { email }) };
}
