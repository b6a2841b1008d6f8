/**
 * Who may open an app. An app that is limited to groups gives a code, a token or a claim only for their members; whoever
 * is none is told so by the app, which gets `access_denied` (OpenID Connect Core, section 3.1.2.6).
 */
import { type Client, errors, interactionPolicy, type KoaContextWithOIDC } from "oidc-provider";
import { accountRecord } from "../account/account.ts";
import type { Clock } from "../clock.ts";
import type { Listener } from "../events.ts";
import { announce } from "../passkey/announce.ts";
import type { UnitOfWork } from "../store/unit.ts";
import { mayOpen } from "./client/facts.ts";

/** What an account tells the library besides: our own find gives it, a host's may not. */
interface Member {
  groups?: readonly string[];
}

export interface AccessDependencies {
  clock: Clock;
  announce?: Listener | undefined;
  /** Whether a member of these groups may open an app. Default: what its metadata says. */
  mayOpen?: ((client: Client, groups: readonly string[]) => boolean) | undefined;
}

/** Somebody signed in who may not open the app that asked. */
export class NoAccess extends errors.AccessDenied {
  constructor() {
    super("this account has no access to this app; whoever runs the service can give it");
  }
}

/** Whether an account, as the library holds it, may open an app. */
export function isOpenTo(
  { mayOpen: may = mayOpen }: Pick<AccessDependencies, "mayOpen">,
  client: Client,
  account: object,
): boolean {
  return may(client, (account as Member).groups ?? []);
}

/** The same by the account's id, which is read only where it matters. */
export async function isOpenToId(
  d: Pick<AccessDependencies, "mayOpen"> & { unit: UnitOfWork },
  client: Client,
  accountId: string,
): Promise<boolean> {
  if (isOpenTo(d, client, {})) return true;
  const stored = await d.unit.read<object>(accountRecord.key(accountId));
  return stored !== undefined && isOpenTo(d, client, accountRecord.decode(stored.value));
}

/** Asked once somebody is signed in as the request demands, before anybody is asked what the app may know. */
export function noAccess(d: AccessDependencies): interactionPolicy.Check {
  const { Check } = interactionPolicy;
  return new Check("no_access", "no access", "access_denied", ({ oidc }: KoaContextWithOIDC) => {
    const { client, account } = oidc;
    if (!client || !account || isOpenTo(d, client, account)) return Check.NO_NEED_TO_PROMPT;
    announce(d, "access.denied", { account: account.accountId, subject: client.clientId });
    throw new NoAccess();
  });
}
