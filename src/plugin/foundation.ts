/** What our pages need of a host: its accounts, our store, and how it wants things. */
import { fileURLToPath } from "node:url";
import { invitations } from "../account/invitations.ts";
import type { AccountsOptions } from "../account/revise.ts";
import { setupLink } from "../account/setup.ts";
import { systemClock } from "../clock.ts";
import { settingsOf } from "../config/groups.ts";
import { ConfigurationError, loadSettings, type Settings } from "../config/load.ts";
import type { House } from "../http/page/house.ts";
import { permits } from "../http/page/permits.ts";
import { silentLogger } from "../log.ts";
import { codeGuesses } from "../store/guesses.ts";
import { fingerprint } from "../store/record.ts";
import { unitOfWork } from "../store/unit.ts";
import type { Vault } from "../vault.ts";
import { loadAssets } from "../view/assets.ts";
import { createRenderer } from "../view/render.ts";
import { hostAccounts } from "./accounts.ts";
import { type Drops, drops } from "./drops.ts";
import { noticesFor } from "./notices.ts";
import type { HostPasswords, PasskeysOptions } from "./options.ts";
import { hostPasswords } from "./passwords.ts";

export interface HostFoundation {
  house: Omit<House, "provider" | "hostSession" | "passwords" | "codeKey">;
  drops: Drops | undefined;
  /** Where our documents are changed. */
  people: AccountsOptions;
  settings: Settings;
}

export function foundationOf(options: PasskeysOptions, issuer: URL): HostFoundation {
  const { accounts: host, origins = [], name = issuer.hostname, log = silentLogger } = options;
  const settings = settingsFor(options);
  const clock = systemClock;
  const unit = unitOfWork(options.store);
  const announce = options.onEvent ?? (() => {});
  const people: AccountsOptions = { store: unit.store, clock, announce };
  const accounts = hostAccounts(people, host);
  const views = options.views === undefined ? {} : { overlay: options.views };
  const assets = loadAssets(views);
  return {
    people,
    settings,
    drops: host.dropPassword
      ? drops({ ...people, store: options.store }, host as HostPasswords, log)
      : undefined,
    house: {
      issuer,
      rp: { id: options.rpId ?? issuer.hostname, name, origins: [issuer.origin, ...origins] },
      store: unit.store,
      unit,
      clock,
      log,
      announce,
      accounts,
      setup: setupLink({ store: unit.store, clock, accounts }),
      signUp: host.create ? "open" : "closed",
      mailsRecovery: false,
      settingsOf: (groups) => settingsOf(settings, groups),
      notify: noticesFor(options),
      limits: settings.limits,
      home: { deletionGrace: settings.deletion.grace, coachEvery: settings.coach.every },
      guesses: codeGuesses(unit.store, settings.limits.guesses),
      // The host's sessions are not ours to list: each is looked at when it comes, see `findAccount`.
      endSessions: async () => {},
      permits: permits(unit.store),
      invitations: invitations({ store: unit.store, clock }),
      assets,
      renderer: createRenderer({ ...views, assets }),
      hosted: true,
      isFirstParty: options.firstParty ?? (() => false),
      // Who may open an app is the host's to say, whatever its clients' metadata has under our names.
      mayOpen: () => true,
    },
  };
}

/** The same schema as the server's; a folder of our own, because a host has its settings elsewhere. */
function settingsFor({ passwords, limits }: PasskeysOptions): Settings {
  const given = { ...(passwords ? { passwords } : {}), ...(limits ? { limits } : {}) };
  try {
    return loadSettings({ env: {}, cwd: fileURLToPath(new URL(".", import.meta.url)), overrides: given });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new TypeError(`passkeys(): ${error.problems.join("; ")}`);
  }
}

/** The host's passwords as pages see them; nothing where it has none. */
export function passwordsOf(
  { house, drops: outbox, settings }: HostFoundation,
  { accounts: host, store }: PasskeysOptions,
  vault: Vault,
) {
  if (!host.verifyPassword || !outbox) return undefined;
  const { accounts } = house;
  const hash = (text: string) => fingerprint(`${vault.derive("guesses")[0]} ${text}`);
  return hostPasswords({ store, accounts, host, drops: outbox, guesses: settings.limits.guesses, hash });
}
