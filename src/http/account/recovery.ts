/** A recovery that can still be undone, on the owner's page: what came of it, and the way back. */
import type { Account, Passkey } from "../../account/account.ts";
import { isRepairing, isTentative } from "../../account/tentative.ts";
import { refuse } from "../../errors.ts";
import { passkeyAssurance } from "../../oidc/assurance.ts";
import { signIn } from "../../oidc/sessions.ts";
import type { RepairModel } from "../../view/models.ts";
import type { House } from "../page/house.ts";
import { HOME, type Route } from "../page/route.ts";
import { undoRecovery } from "../recovery/objection.ts";
import { sensitive } from "./sensitive.ts";

export const recoveryRoutes: readonly Route[] = sensitive({
  path: `${HOME}/recovery/undo`,
  purpose: "undo_recovery",
  about(account, _target, house) {
    if (!isRepairing(account, { at: house.clock.now() })) throw refuse("not_found");
    return undefined;
  },
  /** What came with the recovery has no say in it, whoever is signed in. */
  by: established,
  async perform(house, account, { ctx, passkey }) {
    await undoRecovery(house, account, passkey);
    // It ended every session; this one begins anew with the proof that was given.
    await signIn(house, ctx, account.id, passkeyAssurance(passkey));
    return `${HOME}?notice=recovery_undone`;
  },
});

/** What the page shows of it; nothing when there is none, or when nobody can object any more. */
export function recoverySection(house: House, account: Account): RepairModel | undefined {
  const { repair } = account;
  if (!repair || !isRepairing(account, { at: house.clock.now() })) return undefined;
  const { by, since, starts, until } = repair;
  return {
    by,
    since: new Date(since).toISOString(),
    until: new Date(until).toISOString(),
    ...(starts === undefined ? {} : { starts: new Date(starts).toISOString() }),
    mayUndo: established(account).length > 0,
  };
}

function established(account: Account): Passkey[] {
  return account.passkeys.filter((held) => held.state === "active" && !isTentative(account, held));
}
