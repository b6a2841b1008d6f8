/** What the owner's page tells the browser's password manager. */
import type { Account } from "../../account/account.ts";
import type { SignalsModel } from "../../view/models.ts";
import { shownNames } from "../page/ceremonies.ts";
import type { House } from "../page/house.ts";

/** Every passkey there is, of whatever state: one that is suspended may have to object, and must not be deleted. */
export function signals({ rp }: House, account: Account): SignalsModel {
  return {
    rpId: rp.id,
    userId: account.handle,
    allAcceptedCredentialIds: account.passkeys.map(({ id }) => id),
    ...shownNames(rp, account),
  };
}
