/** The steps of signing in with an old password, as a page's script takes them. */
import type { Answer, Browser, ceremonyOf } from "./browser.ts";
import { OLD_PASSWORD } from "./imported.ts";
import type { RelyingParty, Request } from "./relying-party.ts";

/** What a page says in one of its `data-` attributes, or nothing. */
export function attribute(page: Answer, name: string): string | undefined {
  const found = new RegExp(`\\b${name}="([^"]*)"`).exec(page.text)?.[1];
  return found?.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&");
}

/** The address that a page posts something to, or whatever else an attribute of it has to say. */
export function address(page: Answer, name: string): string {
  const found = attribute(page, name);
  if (found === undefined) throw new Error(`no ${name} on this page: ${page.text.slice(0, 2000)}`);
  return found;
}

/** Types a name and a password into a sign-in page. */
export function typePassword(
  browser: Browser,
  page: Answer,
  username: string,
  password = OLD_PASSWORD,
): Promise<Answer> {
  return browser.post(address(page, "data-password"), { username, password });
}

/** A sign-in to an app with a password, to the page that comes after it. */
export async function begin(
  app: RelyingParty,
  browser: Browser,
  username: string,
  parameters: Record<string, string> = {},
): Promise<{ request: Request; next: Answer }> {
  const request = await app.request(parameters);
  const answer = await typePassword(browser, await browser.open(request.url), username);
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return { request, next: await browser.open(String(answer.json().location)) };
}

/** What a page lets a password manager do by itself. */
export function conditionalOf(page: Answer): {
  action: string;
  options: ReturnType<typeof ceremonyOf>["options"];
} {
  return JSON.parse(attribute(page, "data-conditional") ?? "null");
}
