/**
 * Recovery codes on paper: shown for five minutes to the browser that had them made.
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
import { browserOf } from "./browser.ts";
import type { House } from "./house.ts";

/** Makes a set in the place of the old one and tells the owner; resolves to the permit that shows it. */
export async function makeCodes(house: House, ctx: Context, account: Account): Promise<string> {
  const permit = await house.permits.issue(subjectOf(house, ctx, account));
  await house.accounts.setRecoveryCodes(account.id, codesOf(house, permit));
  await house.notify(account, { kind: "recovery_codes_made", at: house.clock.now() });
  return permit;
}

/** The codes of a permit. @throws `ceremony_expired` */
export async function codesFor(
  house: House,
  ctx: Context,
  account: Account,
  permit: string,
): Promise<string[]> {
  if (!(await house.permits.check(permit, subjectOf(house, ctx, account)))) throw refuse("ceremony_expired");
  return codesOf(house, permit);
}

/** The same as a text file. */
export function sendAsFile({ issuer }: House, ctx: Context, codes: readonly string[]): void {
  ctx.type = "text/plain; charset=utf-8";
  ctx.set("content-disposition", 'attachment; filename="recovery-codes.txt"');
  ctx.body = `${issuer.host}\n\n${codes.join("\n")}\n`;
}

function subjectOf(house: House, ctx: Context, account: Account): string {
  return `recovery_codes:${account.id}:${browserOf(ctx, house.issuer)}`;
}

function codesOf({ codeKey }: House, permit: string): string[] {
  return Array.from({ length: CODES_IN_A_SET }, (_, at) =>
    codeOf(createHmac("sha256", codeKey).update(`${permit} ${at}`).digest().subarray(0, 16)),
  );
}
