/** Sessions on the owner's page: where somebody is signed in, and how that ends. */
import type { Context } from "koa";
import type { Account } from "../../account/account.ts";
import { refuse } from "../../errors.ts";
import { passkeyAssurance } from "../../oidc/assurance.ts";
import { closeOthers, closeSession, sessionsOf } from "../../oidc/belongings.ts";
import { currentSession, signIn } from "../../oidc/sessions.ts";
import { announce } from "../../passkey/announce.ts";
import type { SessionModel } from "../../view/models.ts";
import { browserName } from "../entrance/origin.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readForm } from "../page/input.ts";
import { HOME, param, type Route } from "../page/route.ts";
import { signOutHere } from "../sign-in/session.ts";
import { backHome, ownerOf } from "./owner.ts";
import { sensitive } from "./sensitive.ts";

export const sessionRoutes: readonly Route[] = [
  ...sensitive({
    path: `${HOME}/sessions/end`,
    purpose: "end_sessions",
    /**
     * The document ends what nobody can list; those that are listed end also where they began in this very second. The
     * proof that was given begins this browser's session anew, under a new id.
     */
    async perform(house, account, { ctx, passkey }) {
      const { uid } = await currentSession(house, ctx);
      const ended = await house.accounts.endSessions(account.id);
      await closeOthers(house, ended, uid);
      await signIn(house, ctx, account.id, passkeyAssurance(passkey));
      await house.notify(ended, { kind: "sessions_ended", at: house.clock.now() });
      return `${HOME}?notice=sessions_ended`;
    },
  }),
  ["post", `${HOME}/sessions/:id/end`, endOne],
];

/** What the page shows of them, this browser's first. */
export async function sessionSection(house: House, ctx: Context, account: Account): Promise<SessionModel[]> {
  const [open, current] = await Promise.all([sessionsOf(house, account), currentSession(house, ctx)]);
  const shown = open.map(({ uid, began, seen, agent }) => {
    const browser = browserName(agent ?? "");
    return {
      id: uid,
      started: new Date(began * 1000).toISOString(),
      seen: new Date(seen * 1000).toISOString(),
      current: uid === current.uid,
      ...(browser === undefined ? {} : { browser }),
    };
  });
  return shown.sort((a, b) => Number(b.current) - Number(a.current));
}

async function endOne(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const account = await ownerOf(house, ctx);
  const { uid } = await currentSession(house, ctx);
  if (param(ctx, "id") === uid) return signOutHere(house, ctx);
  await readForm(ctx);
  if (!(await closeSession(house, account, param(ctx, "id")))) throw refuse("session_unknown");
  announce(house, "session.ended", { account: account.id });
  backHome(ctx, "session_ended");
}
