/** A provider that answers no requests: for whoever ends what an account has open without being a server. */
import { randomBytes } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { GuessLimits } from "../store/guesses.ts";
import type { Store } from "../store/store.ts";
import { unitOfWork } from "../store/unit.ts";
import type { Vault } from "../vault.ts";
import { deviceGuesses } from "./adapter/device-guesses.ts";
import type { BelongingsDependencies } from "./belongings.ts";
import type { Clients } from "./client/clients.ts";
import { type LibraryPages, serverConfiguration } from "./configuration.ts";
import { cookieKeys } from "./cookie-keys.ts";
import { signingKeys } from "./keys.ts";
import { createProvider } from "./provider.ts";

export interface Outside {
  settings: { issuer: string; limits: { guesses: GuessLimits } };
  store: Store;
  vault: Vault;
  clock: Clock;
  log: Logger;
  clients: Clients;
}

/** What belongings are ended with; apps are told with the keys and clients of the installation. */
export async function fromOutside(outside: Outside): Promise<BelongingsDependencies> {
  const { settings, store, vault, clock, log, clients } = outside;
  const issuer = new URL(settings.issuer);
  const unit = unitOfWork(store);
  const configuration = serverConfiguration({
    store,
    unit,
    clients,
    clock,
    deviceGuesses: deviceGuesses(store, settings.limits.guesses),
    issuer,
    keys: await signingKeys(store, vault, clock),
    cookieKeys: cookieKeys(vault.derive("cookies")),
    ...nobodyAsks,
  });
  return { provider: createProvider(issuer, configuration, log, clients), store, unit };
}

const never = () => {
  throw new TypeError("this provider answers no requests");
};

/** What only requests need. */
const nobodyAsks = {
  nonceSecret: randomBytes(32),
  userCodeHash: never,
  pages: {
    error: never,
    logout: never,
    loggedOut: never,
    deviceCode: never,
    deviceConfirm: never,
    deviceDone: never,
  } satisfies LibraryPages,
};
