/** The browser's side of a ceremony (WebAuthn Level 3, section 5.1), and what its errors mean to a person. */
import {
  type AuthenticationResponseJSON,
  type RegistrationResponseJSON,
  sendSignal,
  startAuthentication,
  startRegistration,
} from "@simplewebauthn/browser";
import { type Page, typed } from "./page.ts";

export type Answer = AuthenticationResponseJSON | RegistrationResponseJSON;

/** Runs the page's ceremony; `autofill` waits quietly until a passkey is chosen from the browser's suggestions. */
export function runCeremony(page: Page, autofill: boolean): Promise<Answer> {
  const optionsJSON = JSON.parse(page.options);
  if (page.ceremony === "authentication") {
    return startAuthentication({ optionsJSON, useBrowserAutofill: autofill });
  }
  const { name, email, username } = typed(page);
  // What the password manager will show; the server keeps its own.
  const shown = email ?? username ?? name;
  if (shown !== undefined) {
    optionsJSON.user = { ...optionsJSON.user, name: shown, displayName: name ?? shown };
  }
  return startRegistration({ optionsJSON });
}

/** The key of the text for a failed ceremony; undefined when we ended it ourselves. */
export function meaning(error: unknown): string | undefined {
  switch (error instanceof Error ? error.name : "") {
    case "AbortError":
      return undefined;
    case "NotAllowedError":
      return "cancelled";
    case "InvalidStateError":
      return "registered";
    case "NotSupportedError":
    case "ConstraintError":
      return "unable";
    case "SecurityError":
      return "misplaced";
    default:
      return "failed";
  }
}

/** Tells the password manager that nobody knows this passkey (section 5.1.10, "Signal"), where it can be told. */
export async function forget(page: Page, answer: Answer): Promise<void> {
  const options = JSON.parse(page.options);
  try {
    await sendSignal({
      signalName: "unknownCredential",
      rpID: options.rpId ?? options.rp?.id ?? location.hostname,
      credentialID: answer.id,
    });
  } catch {
    // A courtesy; not every browser has it.
  }
}
