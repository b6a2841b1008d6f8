/** Passkeys on the owner's page: look at them, add, rename, remove. */
import type { Context } from "koa";
import type { Account, Passkey } from "../../account/account.ts";
import { refuse } from "../../errors.ts";
import { providerName } from "../../passkey/names.ts";
import type { PasskeyModel } from "../../view/models.ts";
import { undoOf } from "../link/undo-link.ts";
import { browserOf } from "../page/browser.ts";
import { askForPasskey, type Place, takePasskey } from "../page/ceremonies.ts";
import { forgetDevice } from "../page/cross-device.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readForm, readRegistration } from "../page/input.ts";
import { page } from "../page/page.ts";
import { HOME, param, type Route } from "../page/route.ts";
import { signedIn, toSignIn } from "../sign-in/session.ts";
import { backHome, ownerOf } from "./owner.ts";
import { sensitive } from "./sensitive.ts";

export const passkeyRoutes: readonly Route[] = [
  ...sensitive({
    path: "/account/passkeys/add",
    purpose: "add_passkey",
    fields: ["on"],
    /** The proof is kept for the one page that follows: only this browser and this account know its name. */
    async perform(house, account, { ctx, fields }) {
      const permit = await house.permits.issue(permitSubject(house, ctx, account));
      return newUrl(permit, fields.on === HERE);
    },
  }),
  ["get", "/account/passkeys/new", showAddPasskey, "ceremonies"],
  ["post", "/account/passkeys/new", addPasskey, "ceremonies"],
  ["post", "/account/passkeys/:id/rename", renamePasskey],
  ...sensitive({
    path: "/account/passkeys/:id/remove",
    purpose: "remove_passkey",
    about: (account, { id }) => removable(account, id).name,
    async perform(house, account, { id }) {
      const about = removable(account, id).name;
      const removed = await house.accounts.removePasskey(account.id, id);
      await house.notify(removed, { kind: "passkey_removed", at: house.clock.now(), about });
      return `${HOME}?notice=passkey_removed`;
    },
  }),
];

/** Where the passkey shall be, as the coach asks for it. */
const HERE = "this_device";

function newUrl(permit: string, here: boolean): string {
  return `${HOME}/passkeys/new?${new URLSearchParams({ permit, ...(here ? { on: HERE } : {}) })}`;
}

/** What the page shows of them. */
export function passkeySection({ passkeys }: Account): PasskeyModel[] {
  return passkeys.filter(({ state }) => state !== "pending").map(describe);
}

function describe(passkey: Passkey): PasskeyModel {
  const provider = providerName(passkey.aaguid);
  return {
    id: passkey.id,
    name: passkey.name,
    ...(provider === undefined ? {} : { provider }),
    ...(passkey.addedBy === undefined ? {} : { addedBy: passkey.addedBy }),
    reported: passkey.attestation !== "verified",
    synced: passkey.backupEligible,
    created: new Date(passkey.created).toISOString(),
    ...(passkey.lastUsed === undefined ? {} : { lastUsed: passkey.lastUsed }),
  };
}

/** @throws `passkey_unknown`, `last_way_in` */
function removable(account: Account, id: string): Passkey {
  const passkey = account.passkeys.find((held) => held.id === id);
  if (!passkey) throw refuse("passkey_unknown");
  const others = account.passkeys.filter((held) => held.state === "active" && held.id !== id);
  if (others.length === 0) throw refuse("last_way_in");
  return passkey;
}

function permitSubject(house: House, ctx: Context, account: Account): string {
  return `add_passkey:${account.id}:${browserOf(ctx, house.issuer)}`;
}

function newPlace(house: House, ctx: Context, account: Account, permit: string): Place {
  return {
    page: `add:${permit}`,
    browser: browserOf(ctx, house.issuer),
    action: `add_passkey:${account.id}`,
  };
}

async function showAddPasskey(house: House, ctx: Context): Promise<void> {
  const account = await signedIn(house, ctx);
  if (!account) return toSignIn(ctx, HOME);
  const permit = String(ctx.query.permit ?? "");
  if (!(await house.permits.check(permit, permitSubject(house, ctx, account)))) {
    throw refuse("ceremony_expired");
  }
  const here = ctx.query.on === HERE;
  const place = newPlace(house, ctx, account, permit);
  const how = here ? { hints: ["client-device" as const] } : {};
  const ceremony = await askForPasskey(house, place, newUrl(permit, here), account, how);
  page(house.renderer, ctx, "add_passkey", { ...ceremony, cancelUrl: HOME });
}

async function addPasskey(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const account = await ownerOf(house, ctx);
  const permit = String(ctx.query.permit ?? "");
  const { response } = await readRegistration(ctx);
  if (!(await house.permits.check(permit, permitSubject(house, ctx, account)))) {
    throw refuse("ceremony_expired");
  }
  const made = await takePasskey(house, newPlace(house, ctx, account, permit), response);
  if (made.accountId !== account.id) throw refuse("ceremony_expired");
  // Before the passkey is added: of two answers at once one adds.
  if (!(await house.permits.spend(permit))) throw refuse("ceremony_expired");
  await house.accounts.addPasskey(account.id, { ...made.passkey, addedBy: "account" });
  forgetDevice(ctx, house.issuer);
  const about = made.passkey.name;
  await house.notify(account, {
    kind: "passkey_added",
    at: house.clock.now(),
    about,
    ...undoOf(house, account),
  });
  ctx.body = { location: `${HOME}?notice=passkey_added` };
}

async function renamePasskey(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const account = await ownerOf(house, ctx);
  const form = await readForm(ctx);
  await house.accounts.renamePasskey(account.id, param(ctx, "id"), form.get("name") ?? "");
  backHome(ctx, "passkey_renamed");
}
