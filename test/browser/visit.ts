/** Somebody at a browser: a page in a context of its own, a virtual authenticator, and what the page complained about. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, ConsoleMessage, Page } from "playwright-core";
import { expect } from "vitest";
import { SoftwareAuthenticator, type SoftwareCredential } from "../../src/testing.ts";
import {
  type AuthenticatorOptions,
  type VirtualAuthenticator,
  type VirtualCredential,
  virtualAuthenticator,
} from "../support/chromium.ts";
import type { Running } from "../support/installation.ts";
import { eventually } from "./site.ts";

/** Somebody with an account, whose passkey can be put into any authenticator. */
export interface Person {
  id: string;
  name: string;
  email: string;
  passkey: VirtualCredential;
}

export interface Visit {
  readonly page: Page;
  readonly authenticator: VirtualAuthenticator;
  /** What broke the policy or failed in a script. */
  readonly complaints: readonly string[];
  /** Goes to an address. The page may go on by itself at once: whoever holds a passkey is signed in before it is drawn. */
  open(address: string): Promise<void>;
  /** A ceremony that waits: `conditional` for a passkey from the suggestions, `modal` for the button's. */
  pending(): Promise<string | null>;
  /** Waits until the page offers passkeys by itself; from then on the authenticator answers whoever asks anew. */
  offered(): Promise<void>;
  /** HTTP errors that the browser wrote down since the last call. A journey that meets one asks for it. */
  refusals(): number[];
  /** Ends the visit; a second time does nothing. @throws when a page broke the policy, failed in its script, or met an error nobody asked for */
  end(): Promise<void>;
}

export interface VisitOptions extends BrowserContextOptions {
  authenticator?: AuthenticatorOptions;
  /** Whose passkey the authenticator holds. */
  as?: Person;
}

/** Less than a test may take, so that what was waited for is named. In milliseconds. */
const PATIENCE = 20_000;

/** Builds the program and the client script where the sources are newer. */
export function buildProgram(): void {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, ["build.js"], { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(stdout);
}

/** Opens an empty page for somebody. */
export async function visit(browser: Browser, options: VisitOptions = {}): Promise<Visit> {
  const { authenticator: kind = {}, as, ...rest } = options;
  const context = await browser.newContext({ locale: "en-GB", ...rest });
  context.setDefaultTimeout(PATIENCE);
  const complaints: string[] = [];
  const refusals: number[] = [];
  context.on("console", (message) => note(message, complaints, refusals));
  context.on("weberror", (error) => complaints.push(String(error.error())));
  await context.addInitScript(tellPendingCeremonies);
  const page = await context.newPage();
  const authenticator = await virtualAuthenticator(page, kind);
  if (as) await authenticator.addCredential(as.passkey);
  const pending = () => page.locator("html").getAttribute("data-pending");
  return {
    page,
    authenticator,
    complaints,
    pending,
    open: async (address) => void (await page.goto(address, { waitUntil: "commit" })),
    async offered() {
      await eventually(() => pending()).toBe("conditional");
      await authenticator.setPresence(true);
    },
    refusals: () => refusals.splice(0),
    async end() {
      await context.close();
      const left = { complaints: complaints.splice(0), refusals: refusals.splice(0) };
      expect(left).toEqual({ complaints: [], refusals: [] });
    },
  };
}

/** What the browser reports: its own line for an HTTP error, and everything else that is not mere information. */
function note(message: ConsoleMessage, complaints: string[], refusals: number[]): void {
  const status = /^Failed to load resource: .* status of (\d+)/.exec(message.text())?.[1];
  if (status !== undefined) refusals.push(Number(status));
  else if (["error", "warning", "assert"].includes(message.type())) complaints.push(message.text());
}

/** Runs in the page: nothing else shows from outside that a ceremony is pending. */
function tellPendingCeremonies(): void {
  if (!("CredentialsContainer" in globalThis)) return;
  const { get } = CredentialsContainer.prototype;
  CredentialsContainer.prototype.get = function (options) {
    const answer = get.call(this, options);
    document.documentElement.dataset.pending = options?.mediation ?? "modal";
    return answer;
  };
}

let people = 0;

/** Makes an account on the way to an app, without a screen, and gives its passkey. */
export async function person(running: Running, name = "Jane Rivers"): Promise<Person> {
  const email = `${name.split(" ")[0]?.toLowerCase()}${++people}@example.com`;
  const device = new SoftwareAuthenticator({ algorithms: [-7] });
  const app = await running.app();
  const { idToken } = await app.signUp(running.browser(device), { name, email });
  return { id: idToken.sub, name, email, passkey: portable(device.credentials[0]!) };
}

/** A passkey made in software, as a virtual authenticator takes it. */
export function portable(credential: SoftwareCredential): VirtualCredential {
  const base64 = (text: string) => Buffer.from(text, "base64url").toString("base64");
  return {
    credentialId: base64(credential.id),
    isResidentCredential: true,
    rpId: credential.rpId,
    privateKey: credential.privateKey.export({ format: "der", type: "pkcs8" }).toString("base64"),
    userHandle: base64(credential.userHandle),
    signCount: 0,
    backupEligibility: credential.backupEligible,
    backupState: credential.backedUp,
  };
}
