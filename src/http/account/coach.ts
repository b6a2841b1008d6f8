/** The coach: while one device stands between the owner and the account, the page says so and leads to a second one. */
import type { Context } from "koa";
import type { Account } from "../../account/account.ts";
import type { House } from "../house.ts";
import { assertSameOrigin, readForm } from "../input.ts";
import type { Route } from "../route.ts";
import { HOME } from "../visit.ts";
import { ownerOf } from "./owner.ts";

export const coachRoutes: readonly Route[] = [["post", `${HOME}/coach/decline`, decline]];

/** One passkey, of which there is no copy; and nobody said "Not now" lately. */
export function isCoached({ home, clock }: House, { passkeys, coach }: Account): boolean {
  const active = passkeys.filter(({ state }) => state === "active");
  const isAlone = active.length === 1 && active[0]?.backupEligible === false;
  return isAlone && (coach === undefined || coach.asked + home.coachEvery <= clock.now());
}

async function decline(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  await readForm(ctx);
  const account = await ownerOf(house, ctx);
  await house.accounts.declineCoach(account.id);
  ctx.status = 303;
  ctx.redirect(HOME);
}
