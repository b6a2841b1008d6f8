/** Everything we keep about somebody, as a file for him: after a fresh proof, for five minutes, in the browser that asked. */
import type { Context } from "koa";
import type { Account } from "../../account/account.ts";
import { activityOf } from "../../account/activity.ts";
import { refuse } from "../../errors.ts";
import { appsOf, sessionsOf } from "../../oidc/belongings.ts";
import { browserOf } from "../page/browser.ts";
import type { House } from "../page/house.ts";
import { page } from "../page/page.ts";
import { HOME, type Route } from "../page/route.ts";
import { signedIn } from "../sign-in/session.ts";
import { sensitive } from "./sensitive.ts";

const PATH = `${HOME}/export`;

export const exportRoutes: readonly Route[] = [
  ...sensitive({
    path: PATH,
    purpose: "export_data",
    async perform(house, account, { ctx }) {
      return `${PATH}/ready?permit=${await house.permits.issue(subjectOf(house, ctx, account))}`;
    },
  }),
  ["get", `${PATH}/ready`, showReady],
  ["get", `${PATH}/file`, sendFile],
];

function subjectOf(house: House, ctx: Context, account: Account): string {
  return `export_data:${account.id}:${browserOf(ctx, house.issuer)}`;
}

async function permitted(house: House, ctx: Context): Promise<{ account: Account; permit: string }> {
  const account = await signedIn(house, ctx);
  if (!account) throw refuse("session_required");
  const permit = String(ctx.query.permit ?? "");
  if (!(await house.permits.check(permit, subjectOf(house, ctx, account)))) throw refuse("ceremony_expired");
  return { account, permit };
}

async function showReady(house: House, ctx: Context): Promise<void> {
  const { permit } = await permitted(house, ctx);
  const fileUrl = `${PATH}/file?permit=${encodeURIComponent(permit)}`;
  page(house.renderer, ctx, "export_ready", { fileUrl, backUrl: HOME });
}

async function sendFile(house: House, ctx: Context): Promise<void> {
  const { account } = await permitted(house, ctx);
  ctx.type = "application/json; charset=utf-8";
  ctx.set("content-disposition", 'attachment; filename="account.json"');
  ctx.body = `${JSON.stringify(await dataOf(house, account), undefined, 2)}\n`;
}

/** What is about the person; what only serves to open the account, such as fingerprints of codes, is not. */
async function dataOf(house: House, account: Account): Promise<object> {
  const { id, username, name, email, emailVerified, language, groups, created } = account;
  const [sessions, apps, activity] = await Promise.all([
    sessionsOf(house, account),
    appsOf(house, account),
    activityOf(house.store, account.id),
  ]);
  return {
    account: {
      sub: id,
      username,
      name,
      email,
      email_verified: emailVerified,
      language,
      groups,
      created: iso(created),
    },
    passkeys: account.passkeys.map((passkey) => ({
      id: passkey.id,
      name: passkey.name,
      aaguid: passkey.aaguid,
      synced: passkey.backupEligible,
      backed_up: passkey.backedUp,
      added_by: passkey.addedBy,
      created: iso(passkey.created),
      last_used: passkey.lastUsed,
      state: passkey.state,
    })),
    password: account.password && { state: account.password.state, since: iso(account.password.since) },
    recovery_codes: account.recoveryCodes && {
      left: account.recoveryCodes.left.length,
      created: iso(account.recoveryCodes.created),
    },
    former_addresses: (account.formerEmails ?? []).map(({ address }) => address),
    sessions: sessions.map(({ began, seen, agent }) => ({
      began: iso(began * 1000),
      seen: iso(seen * 1000),
      user_agent: agent,
    })),
    apps: apps.map(({ clientId, scopes, since }) => ({
      client_id: clientId,
      scopes,
      since: since === undefined ? undefined : iso(since),
    })),
    activity: activity.map(({ type, at, subject, from }) => ({ type, at: iso(at), subject, ...from })),
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
