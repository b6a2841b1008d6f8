/**
 * The owner's page keeps the browser's password manager in step (WebAuthn Level 3, section 5.1.10): which passkeys
 * still open the account, and how its owner is called now. Runs once when the page is loaded fresh, never when it comes
 * back from behind the back button: an old list would have good passkeys deleted.
 */
interface Signals {
  rpId: string;
  userId: string;
  allAcceptedCredentialIds: string[];
  name: string;
  displayName: string;
}

/** Not in every browser, nor in the published types. */
interface SignalApi {
  signalAllAcceptedCredentials?(
    o: Pick<Signals, "rpId" | "userId" | "allAcceptedCredentialIds">,
  ): Promise<void>;
  signalCurrentUserDetails?(o: Pick<Signals, "rpId" | "userId" | "name" | "displayName">): Promise<void>;
}

const holder = document.querySelector<HTMLElement>("[data-signals]");
if (holder !== null && "PublicKeyCredential" in globalThis) {
  void tell(PublicKeyCredential as unknown as SignalApi, JSON.parse(holder.dataset.signals ?? "{}"));
}

/** A courtesy: whatever fails, nobody hears of it. */
async function tell(api: SignalApi, signals: Signals): Promise<void> {
  const { rpId, userId, allAcceptedCredentialIds, name, displayName } = signals;
  await Promise.allSettled([
    attempt(() => api.signalAllAcceptedCredentials?.({ rpId, userId, allAcceptedCredentialIds })),
    attempt(() => api.signalCurrentUserDetails?.({ rpId, userId, name, displayName })),
  ]);
}

async function attempt(signal: () => Promise<void> | undefined): Promise<void> {
  await signal();
}
