/**
 * Recovery codes on the owner's page: made after a fresh proof, shown for five minutes to the browser that asked.
 *
 * The codes are never stored. They are derived from the permit of the page that shows them, under a key that only this
 * provider has; the document keeps their fingerprints, the permit's record knows neither.
 */
import { createHmac } from "node:crypto";
import type { Context } from "koa";
import type { Account } from "../../account/account.ts";
import { CODES_IN_A_SET } from "../../account/recovery-codes.ts";
import { codeOf } from "../../account/typed-code.ts";
import { refuse } from "../../errors.ts";
import type { RecoveryCodesModel } from "../../view/models.ts";
import { browserOf } from "../browser.ts";
import type { House } from "../house.ts";
import { page } from "../page.ts";
import type { Route } from "../route.ts";
import { signedIn } from "../sign-in.ts";
import { HOME } from "../visit.ts";
import { sensitive } from "./sensitive.ts";

const PATH = `${HOME}/recovery-codes`;

export const recoveryCodeRoutes: readonly Route[] = [
  ...sensitive({
    path: PATH,
    purpose: "create_codes",
    async perform(house, account, { ctx }) {
      const permit = await house.permits.issue(subjectOf(house, ctx, account));
      await house.accounts.setRecoveryCodes(account.id, codesOf(house, permit));
      await house.notify(account, { kind: "recovery_codes_made", at: house.clock.now() });
      return `${PATH}/show?permit=${permit}`;
    },
  }),
  ["get", `${PATH}/show`, showCodes],
  ["get", `${PATH}/file`, sendCodes],
];

/** What the page shows of them: how many are left, and since when. */
export function recoveryCodesSection({ recoveryCodes }: Account): RecoveryCodesModel {
  if (!recoveryCodes) return { left: 0 };
  const { created, left } = recoveryCodes;
  return { left: left.length, created: new Date(created).toISOString() };
}

function subjectOf(house: House, ctx: Context, account: Account): string {
  return `recovery_codes:${account.id}:${browserOf(ctx, house.issuer)}`;
}

function codesOf({ codeKey }: House, permit: string): string[] {
  return Array.from({ length: CODES_IN_A_SET }, (_, at) =>
    codeOf(createHmac("sha256", codeKey).update(`${permit} ${at}`).digest().subarray(0, 16)),
  );
}

/** The codes of the permit in the address. @throws `session_required`, `ceremony_expired` */
async function permitted(house: House, ctx: Context): Promise<{ codes: string[]; permit: string }> {
  const account = await signedIn(house, ctx);
  if (!account) throw refuse("session_required");
  const permit = String(ctx.query.permit ?? "");
  if (!(await house.permits.check(permit, subjectOf(house, ctx, account)))) throw refuse("ceremony_expired");
  return { codes: codesOf(house, permit), permit };
}

async function showCodes(house: House, ctx: Context): Promise<void> {
  const { codes, permit } = await permitted(house, ctx);
  const fileUrl = `${PATH}/file?permit=${encodeURIComponent(permit)}`;
  page(house.renderer, ctx, "recovery_codes", { codes, fileUrl, issuer: house.issuer.host });
}

/** The same as a text file. */
async function sendCodes(house: House, ctx: Context): Promise<void> {
  const { codes } = await permitted(house, ctx);
  ctx.type = "text/plain; charset=utf-8";
  ctx.set("content-disposition", 'attachment; filename="recovery-codes.txt"');
  ctx.body = `${house.issuer.host}\n\n${codes.join("\n")}\n`;
}
