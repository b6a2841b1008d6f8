/**
 * Mistakes that do not compile. Nothing here runs: the type check of the tests turns red when a line below
 * `@ts-expect-error` starts to fit.
 */
import type Provider from "oidc-provider";
import { type PasskeysOptions, passkeys } from "../../src/index.ts";
import type { Store } from "../../src/store/store.ts";

declare const store: Store;
declare const provider: Provider;
const issuer = "https://id.example.com";
const find = async (id: string) => ({ accountId: id, claims: () => ({ sub: id }) });
const findByLogin = async () => "42";
const verifyPassword = async () => true;
const dropPassword = async () => {};

export const fits: PasskeysOptions[] = [
  { issuer, store, accounts: { find } },
  { issuer, store, accounts: { find, findByLogin } },
  { issuer, store, accounts: { find, findByLogin, verifyPassword, dropPassword } },
  { issuer, store, accounts: { find, findByLogin, verifyPassword, dropPassword, countPasswords: () => 3 } },
  { issuer, store, accounts: { find, create: async ({ email = "" }) => email } },
];

/** Written in place, every function knows its parameters. */
export const inPlace: PasskeysOptions = {
  issuer,
  store,
  accounts: {
    find: async (id) => ({ accountId: id.trim(), claims: () => ({ sub: id }) }),
    create: ({ email = "" }) => email.trim(),
    findByLogin: (text) => text.trim(),
    verifyPassword: (id, password) => id.trim() === password.trim(),
    dropPassword: (id) => void id.trim(),
  },
};

// @ts-expect-error: where do the passkeys go?
passkeys({ issuer, accounts: { find } });
// @ts-expect-error: whose accounts?
passkeys({ issuer, store });
// @ts-expect-error: a password that is verified has to be dropped, too
passkeys({ issuer, store, accounts: { find, findByLogin, verifyPassword } });
// @ts-expect-error: whose password is it?
passkeys({ issuer, store, accounts: { find, verifyPassword, dropPassword } });
// @ts-expect-error: an account is { accountId, claims }
passkeys({ issuer, store, accounts: { find: async (id: string) => ({ id }) } });
// @ts-expect-error: yes or no, not the account
passkeys({ issuer, store, accounts: { find, findByLogin, verifyPassword: find, dropPassword } });
// @ts-expect-error: an option that there is not
passkeys({ issuer, store, accounts: { find }, passwordless: true });
// @ts-expect-error: a channel is a function
passkeys({ issuer, store, accounts: { find }, notify: "mail" });
// @ts-expect-error: there is no such mode
passkeys({ issuer, store, accounts: { find }, passwords: { mode: "soon" } });
// @ts-expect-error: an address is no store
passkeys({ issuer, store: "redis://localhost", accounts: { find } });

const keys = passkeys({ issuer, store, accounts: { find } });
keys.mount(provider);
// @ts-expect-error: the provider itself, not its handler
keys.mount(provider.callback());
// @ts-expect-error: a configuration of oidc-provider
keys.configuration({ clients: "wiki" });
const status = await keys.status();
// @ts-expect-error: where the host cannot count, there is no number
export const left: number = status.passwords;
export const told: number = status.unknown ? 0 : status.passwords;
