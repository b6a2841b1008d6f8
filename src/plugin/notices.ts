/** Notices to owners, by whatever channel the host has. */
import type { Notify } from "../account/notices.ts";
import { silentLogger } from "../log.ts";
import { findTheirs, named } from "./accounts.ts";
import type { PasskeysOptions } from "./options.ts";

/** Never rejects: what happened has happened, whether or not somebody can be told of it. */
export function noticesFor({ accounts, notify, log = silentLogger }: PasskeysOptions): Notify {
  if (!notify) return async () => {};
  return async (account, notice) => {
    try {
      const theirs = await findTheirs(accounts, account.id);
      if (!theirs) return;
      const { id, name, email, emailVerified } = await named(account, theirs);
      const known = { ...(name === undefined ? {} : { name }), ...(email === undefined ? {} : { email }) };
      await notify({ id, ...known, emailVerified }, notice);
    } catch (err) {
      log.error({ err, account: account.id, kind: notice.kind }, "an owner could not be told");
    }
  };
}
