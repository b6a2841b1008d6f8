/** What the rooms behind the pages offer; put together by the composition root. */
import type { Account } from "../../account/account.ts";
import type { Accounts } from "../../account/accounts.ts";
import type { Invitations } from "../../account/invitations.ts";
import type { LegacyPasswords } from "../../account/legacy.ts";
import type { Notify } from "../../account/notices.ts";
import type { SetupLink } from "../../account/setup.ts";
import type { Clock } from "../../clock.ts";
import type { AccountSettings } from "../../config/groups.ts";
import type { Listener, Way } from "../../events.ts";
import type { Logger } from "../../log.ts";
import type { Mailer } from "../../mail/mailer.ts";
import type { Client } from "../../oidc/client/clients.ts";
import type { InteractionDependencies } from "../../oidc/interaction.ts";
import type { CeremonyContext } from "../../passkey/ceremony.ts";
import type { RelyingParty } from "../../passkey/relying-party.ts";
import type { CodeGuesses } from "../../store/guesses.ts";
import type { Millis } from "../../store/store.ts";
import type { Assets } from "../../view/assets.ts";
import type { Renderer } from "../../view/render.ts";
import type { Limits } from "../entrance/limits.ts";
import type { Permits } from "./permits.ts";

export interface House extends InteractionDependencies, CeremonyContext {
  issuer: URL;
  rp: RelyingParty;
  accounts: Accounts;
  setup: SetupLink;
  signUp: "open" | "invite" | "closed";
  /** What applies to an account with these groups. */
  settingsOf(groups: readonly string[]): AccountSettings;
  /** The apps that have somewhere to begin, for the portal; a host's provider has its own way to say which there are. */
  launchable?: () => Promise<readonly Client[]>;
  /** Absent where no password can sign in, and none ever will. */
  passwords?: LegacyPasswords;
  /** Absent where no mail server is set. */
  mail?: Mailer;
  /** Whether anybody may get back in by e-mail. */
  mailsRecovery: boolean;
  notify: Notify;
  /** The provider is a host's own: nothing of it happens inside a request to us. */
  hosted?: true;
  limits: Limits;
  /** What the operator says about the owner's page. */
  home: { deletionGrace: Millis; coachEvery: Millis };
  /** Counts one guess at a typed code before it is judged. @throws `too_many_requests` */
  guesses: CodeGuesses;
  permits: Permits;
  invitations: Invitations;
  /** The key from which recovery codes and the links of notices are derived, so that none is ever stored. */
  codeKey: string;
  /** After a commit that ended everything an account had open: removes what is over and tells the apps. */
  endSessions(account: Account): Promise<void>;
  renderer: Renderer;
  assets: Assets;
  clock: Clock;
  log: Logger;
  announce: Listener;
  /** Is told of each sign-in, where somebody counts them. */
  signedIn?: ((way: Way) => void) | undefined;
}
