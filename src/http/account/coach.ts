/**
 * The coach: while one device stands between the owner and the account, the page says so and leads to a second one; who
 * came with the passkey of another device is offered one here.
 */
import type { Context } from "koa";
import type { Account } from "../../account/account.ts";
import type { CoachModel } from "../../view/models.ts";
import { cameFromElsewhere } from "../page/cross-device.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readForm } from "../page/input.ts";
import { HOME, type Route } from "../page/route.ts";
import { backHome, ownerOf } from "./owner.ts";

export const coachRoutes: readonly Route[] = [["post", `${HOME}/coach/decline`, decline]];

/** What the page leads to, unless somebody said "Not now" lately. */
export function coachingOf(
  { home, clock, issuer }: House,
  ctx: Context,
  account: Account,
): { coach?: CoachModel } {
  const { coach } = account;
  if (coach !== undefined && coach.asked + home.coachEvery > clock.now()) return {};
  if (cameFromElsewhere(ctx, issuer, account)) return { coach: "here" };
  return isAlone(account) ? { coach: "second" } : {};
}

/** One passkey, of which there is no copy. */
function isAlone({ passkeys }: Account): boolean {
  const active = passkeys.filter(({ state }) => state === "active");
  return active.length === 1 && active[0]?.backupEligible === false;
}

async function decline(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  await readForm(ctx);
  const account = await ownerOf(house, ctx);
  await house.accounts.declineCoach(account.id);
  backHome(ctx);
}
