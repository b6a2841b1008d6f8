/** Accounts that an import brought, with passwords that still sign in. */
import type { Account } from "../../src/account/account.ts";
import { createImported, type ImportedInput } from "../../src/account/create.ts";
import type { Installation } from "../../src/installation.ts";
import { currentKey } from "../../src/password/keys.ts";
import { sealVerifier, verifierRecord } from "../../src/password/verifiers.ts";
import { passwordSafe } from "../../src/password-room.ts";
import type { Running } from "./installation.ts";

/** The password of every account that {@link imported} makes. */
export const OLD_PASSWORD = "right";
const HASH = "$2b$04$abcdefghijklmnopqrstuuFmEfrkTQnczNzw475xE2VhDrK1uwJiC";
let count = 0;

/** Makes an account with an open password, and waits until the running server knows that there are passwords. */
export async function imported(running: Running, input: Partial<ImportedInput> = {}): Promise<Account> {
  const account = await importInto(running.installation, input);
  while (!(await running.browser().open("/sign-in")).text.includes("data-password")) {
    await new Promise(setImmediate);
  }
  return account;
}

/** Makes an account with an open password. */
export async function importInto(
  installation: Installation,
  input: Partial<ImportedInput> = {},
): Promise<Account> {
  const safe = await passwordSafe(installation);
  const named = { username: `legacy${++count}`, password: true, ...input };
  return createImported(safe, named, async (id) => {
    const record = verifierRecord.encode(sealVerifier(await currentKey(safe), id, HASH));
    await safe.store.write(verifierRecord.key(id), record);
  });
}
