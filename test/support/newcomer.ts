/** Somebody who signed up on our own pages, with a passkey. */
import type { Browser } from "./browser.ts";
import type { Running } from "./installation.ts";

export interface Newcomer {
  id: string;
  username: string;
  /** Where the passkey is, and the session. */
  browser: Browser;
}

export async function newcomer(running: Running, username: string, email?: string): Promise<Newcomer> {
  const browser = running.browser();
  const typed = { username, ...(email === undefined ? {} : { email }) };
  await browser.complete(await browser.open("/sign-up"), typed);
  const id = (await running.installation.accounts.findByLogin(username))?.value.id;
  if (id === undefined) throw new Error(`nobody is called ${username}`);
  return { id, username, browser };
}
