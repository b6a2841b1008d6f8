/**
 * Conditional create (WebAuthn Level 3, section 5.1.3): right after a password was typed, the browser's password manager
 * may make the passkey by itself. Where it will not, nothing is said, and the page's button does it.
 */
import { type RegistrationResponseJSON, startRegistration } from "@simplewebauthn/browser";

/** A passkey that was made silently, and where its answer is posted. */
export interface Upgrade {
  action: string;
  response: RegistrationResponseJSON;
}

/** Asks the password manager, if the page and the browser know how; never rejects. */
export async function makeSilently(form: HTMLFormElement): Promise<Upgrade | undefined> {
  const { conditional } = form.dataset;
  if (conditional === undefined) return undefined;
  try {
    const { conditionalCreate } = await PublicKeyCredential.getClientCapabilities();
    if (!conditionalCreate) return undefined;
    const { action, options } = JSON.parse(conditional);
    return { action, response: await startRegistration({ optionsJSON: options, useAutoRegister: true }) };
  } catch {
    // An older browser, another password manager, or the button was faster.
    return undefined;
  }
}
