/** An installation with people in it, for tests that move and restore it. */
import type { Account, Passkey } from "../../src/account/account.ts";
import { loadSettings } from "../../src/config/load.ts";
import { type Installation, openInstallation } from "../../src/installation.ts";
import { signingKeys } from "../../src/oidc/keys.ts";
import { SECRET } from "../support/installation.ts";

export function settingsOf(url: string, secret = SECRET) {
  return loadSettings({ env: {}, overrides: { store: url, secret } });
}

export function openAt(url: string): Promise<Installation> {
  return openInstallation(settingsOf(url), { initialise: true });
}

export function passkey(id: string): Passkey {
  return {
    id: Buffer.from(id).toString("base64url"),
    publicKey: "AAAA",
    algorithm: -7,
    counter: 3,
    transports: ["internal"],
    aaguid: "00000000-0000-0000-0000-000000000000",
    backupEligible: true,
    backedUp: false,
    attestation: "none",
    state: "active",
    name: "Phone",
    created: Date.UTC(2026, 10, 22),
  };
}

/** Three accounts, a client, signing keys, a session, a counter, and sets of both sorts. */
export async function furnish({ accounts, clients, store, vault, clock }: Installation): Promise<Account[]> {
  const people: Account[] = [];
  for (const name of ["jane", "john", "joan"]) {
    const email = `${name}@example.com`;
    people.push(
      await accounts.create({ username: name, email, emailVerified: true, passkey: passkey(name) }),
    );
  }
  const uri = "https://wiki.example.com/cb";
  await clients.add({ name: "Wiki", id: "wiki", kind: "web", redirectUris: [uri] });
  await signingKeys(store, vault, clock);
  await store.write("session:one", { accountId: people[0]?.id, exp: 4e9 }, { ttl: 600_000 });
  await store.count("limit:somebody", 600_000);
  await store.join("groups:all", "staff");
  await store.join(`sessions:${people[0]?.id}`, "one", 600_000);
  return people;
}
