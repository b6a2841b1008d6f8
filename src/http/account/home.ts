/** The owner's page: one document, put together from its sections. */

import type { Context } from "koa";
import type { AccountNotice } from "../../view/models.ts";
import type { House } from "../page/house.ts";
import { page } from "../page/page.ts";
import { HOME } from "../page/route.ts";
import { signedIn, toSignIn } from "../sign-in/session.ts";
import { activitySection } from "./activity.ts";
import { appSection } from "./apps.ts";
import { coachingOf } from "./coach.ts";
import { passkeySection } from "./passkeys.ts";
import { passwordSection } from "./password.ts";
import { profileSection } from "./profile.ts";
import { recoverySection } from "./recovery.ts";
import { recoveryCodesSection } from "./recovery-codes.ts";
import { sessionSection } from "./sessions.ts";
import { signals } from "./signals.ts";

/** What may be said once, after something was done. */
const notices: readonly AccountNotice[] = [
  "passkey_added",
  "passkey_renamed",
  "passkey_removed",
  "session_ended",
  "sessions_ended",
  "app_disconnected",
  "recovery_undone",
  "name_changed",
  "email_changed",
  "deletion_scheduled",
  "deletion_cancelled",
];

/** `GET /account` */
export async function showAccount(house: House, ctx: Context): Promise<void> {
  const account = await signedIn(house, ctx);
  if (!account) return toSignIn(ctx, HOME);
  const repair = recoverySection(house, account);
  const notice = notices.find((known) => known === ctx.query.notice);
  const [password, sessions, apps, activity] = await Promise.all([
    passwordSection(house, account),
    sessionSection(house, ctx, account),
    appSection(house, account),
    activitySection(house, account),
  ]);
  page(house.renderer, ctx, "account", {
    account: profileSection(house, account),
    passkeys: passkeySection(account),
    ...coachingOf(house, ctx, account),
    ...(password === undefined ? {} : { password }),
    ...(repair === undefined ? {} : { repair }),
    ...(house.settingsOf(account.groups).recovery.codes ? { codes: recoveryCodesSection(account) } : {}),
    signals: signals(house, account),
    sessions,
    ...(house.grants === "host" ? {} : { apps }),
    activity,
    ...(notice === undefined ? {} : { notice }),
    ...(house.hosted ? { hosted: true as const } : {}),
  });
}
