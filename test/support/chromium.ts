/**
 * A real Chromium for the tests, and its virtual authenticator (WebAuthn Level 3, section 11, over CDP).
 *
 * Never start a modal ceremony in a page without a virtual authenticator: headless Chromium then waits for a dialog
 * that nobody can see and ignores the ceremony's timeout.
 */
import type { Browser, CDPSession, Page } from "playwright-core";
import { chromium } from "playwright-core";

/** True when `LATCHKEY_TEST_SKIP` names the browser: `describe.skipIf(browserSkipped)`. */
export const browserSkipped = (process.env.LATCHKEY_TEST_SKIP ?? "").split(",").includes("browser");

// No sandbox because CI runs as root in a container; the rest keeps the browser off the network.
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

/**
 * Starts headless Chromium with a fresh profile; `args` are added to the usual flags, `without` are taken from those of
 * Playwright. Close it in `afterAll`.
 */
export function launchChromium(o: { args?: string[]; without?: string[] } = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.LATCHKEY_TEST_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [...FLAGS, ...(o.args ?? [])],
    ignoreDefaultArgs: o.without ?? [],
  });
}

/** `WebAuthn.VirtualAuthenticatorOptions` of the DevTools protocol; what is left out is a synced passkey provider. */
export interface AuthenticatorOptions {
  protocol?: "ctap2" | "u2f";
  ctap2Version?: "ctap2_0" | "ctap2_1" | "ctap2_2";
  transport?: "usb" | "nfc" | "ble" | "hybrid" | "internal";
  hasResidentKey?: boolean;
  hasUserVerification?: boolean;
  isUserVerified?: boolean;
  /** With presence simulated, a pending conditional request is answered as soon as the page starts it. */
  automaticPresenceSimulation?: boolean;
  defaultBackupEligibility?: boolean;
  defaultBackupState?: boolean;
}

/** `WebAuthn.Credential` of the DevTools protocol; byte strings are base64. */
export interface VirtualCredential {
  credentialId: string;
  isResidentCredential: boolean;
  privateKey: string;
  signCount: number;
  rpId?: string;
  userHandle?: string;
  backupEligibility?: boolean;
  backupState?: boolean;
}

/** Faults that the next answers carry. */
export interface OverrideBits {
  isBogusSignature?: boolean;
  isBadUV?: boolean;
  isBadUP?: boolean;
}

/** The authenticator of one page. A navigation keeps it, a new page needs its own. */
export interface VirtualAuthenticator {
  readonly id: string;
  /** The DevTools session, for commands and events that have no method here. */
  readonly cdp: CDPSession;
  credentials(): Promise<VirtualCredential[]>;
  addCredential(credential: VirtualCredential): Promise<void>;
  removeCredential(credentialId: string): Promise<void>;
  clear(): Promise<void>;
  /** Without presence a modal ceremony fails at its timeout and a conditional one stays pending. */
  setPresence(enabled: boolean): Promise<void>;
  setUserVerified(verified: boolean): Promise<void>;
  setOverrideBits(bits: OverrideBits): Promise<void>;
  setCredentialProperties(
    credentialId: string,
    o: { backupEligibility?: boolean; backupState?: boolean; signCount?: number },
  ): Promise<void>;
  remove(): Promise<void>;
}

const SYNCED_PASSKEYS = {
  protocol: "ctap2",
  ctap2Version: "ctap2_1",
  transport: "internal",
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
  defaultBackupEligibility: true,
  defaultBackupState: true,
} as const satisfies AuthenticatorOptions;

/**
 * Gives the page a virtual authenticator. It holds at most three passkeys made by `create()`.
 *
 * @example
 * ```ts
 * const page = await browser.newPage();
 * const authenticator = await virtualAuthenticator(page, { automaticPresenceSimulation: false });
 * ```
 */
export async function virtualAuthenticator(
  page: Page,
  options: AuthenticatorOptions = {},
): Promise<VirtualAuthenticator> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable", { enableUI: false });
  const { authenticatorId: id } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: { ...SYNCED_PASSKEYS, ...options },
  });
  const own = { authenticatorId: id };
  return {
    id,
    cdp,
    credentials: async () => (await cdp.send("WebAuthn.getCredentials", own)).credentials,
    addCredential: async (credential) => {
      await cdp.send("WebAuthn.addCredential", { ...own, credential });
    },
    removeCredential: async (credentialId) => {
      await cdp.send("WebAuthn.removeCredential", { ...own, credentialId });
    },
    clear: async () => {
      await cdp.send("WebAuthn.clearCredentials", own);
    },
    setPresence: async (enabled) => {
      await cdp.send("WebAuthn.setAutomaticPresenceSimulation", { ...own, enabled });
    },
    setUserVerified: async (isUserVerified) => {
      await cdp.send("WebAuthn.setUserVerified", { ...own, isUserVerified });
    },
    setOverrideBits: async (bits) => {
      await cdp.send("WebAuthn.setResponseOverrideBits", { ...own, ...bits });
    },
    setCredentialProperties: async (credentialId, o) => {
      await cdp.send("WebAuthn.setCredentialProperties", { ...own, credentialId, ...o });
    },
    remove: async () => {
      await cdp.send("WebAuthn.removeVirtualAuthenticator", own);
      await cdp.detach();
    },
  };
}
