/** Recovery codes on the owner's page: made after a fresh proof, shown once. */
import type { Context } from "koa";
import type { Account } from "../../account/account.ts";
import { refuse } from "../../errors.ts";
import type { RecoveryCodesModel } from "../../view/models.ts";
import { codesFor, makeCodes, sendAsFile } from "../page/code-sheet.ts";
import type { House } from "../page/house.ts";
import { page } from "../page/page.ts";
import { HOME, type Route } from "../page/route.ts";
import { signedIn } from "../sign-in/session.ts";
import { sensitive } from "./sensitive.ts";

const PATH = `${HOME}/recovery-codes`;

export const recoveryCodeRoutes: readonly Route[] = [
  ...sensitive({
    path: PATH,
    purpose: "create_codes",
    perform: async (house, account, { ctx }) => `${PATH}/show?permit=${await makeCodes(house, ctx, account)}`,
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

/** The codes of the permit in the address. @throws `session_required`, `ceremony_expired` */
async function permitted(house: House, ctx: Context): Promise<{ codes: string[]; permit: string }> {
  const account = await signedIn(house, ctx);
  if (!account) throw refuse("session_required");
  const permit = String(ctx.query.permit ?? "");
  return { codes: await codesFor(house, ctx, account, permit), permit };
}

async function showCodes(house: House, ctx: Context): Promise<void> {
  const { codes, permit } = await permitted(house, ctx);
  const fileUrl = `${PATH}/file?permit=${encodeURIComponent(permit)}`;
  page(house.renderer, ctx, "recovery_codes", { codes, fileUrl, issuer: house.issuer.host });
}

/** The same as a text file. */
async function sendCodes(house: House, ctx: Context): Promise<void> {
  const { codes } = await permitted(house, ctx);
  sendAsFile(house, ctx, codes);
}
