/** Whether an account is open at all: closed by the operator, and opened again. */
import { refuse } from "../errors.ts";
import type { EventType } from "../events.ts";
import type { Account } from "./account.ts";
import { endSessionsFully } from "./sessions.ts";
import { type Moment, note } from "./transitions.ts";

/**
 * What is open ends with it, so that nothing of it is open again when the account is enabled.
 *
 * @throws `account_unknown` for an account that never became active
 */
export function disableAccount(account: Account, now: Moment): Account | undefined {
  const disabled = switchState(account, "disabled", "account.disabled", now);
  return disabled && endSessionsFully(disabled, now);
}

/** @throws `account_unknown` for an account that never became active */
export function enableAccount(account: Account, now: Moment): Account | undefined {
  return switchState(account, "active", "account.enabled", now);
}

function switchState(
  account: Account,
  state: "active" | "disabled",
  type: EventType,
  now: Moment,
): Account | undefined {
  if (account.state === "pending") throw refuse("account_unknown");
  return account.state === state ? undefined : note({ ...account, state }, type, now);
}
