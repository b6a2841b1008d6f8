/**
 * An interaction names other bearer values: its own id in the address it resumes at, the session's id, a device
 * code, a pushed request; a device code names the code that people type. At rest they are left out, or sealed under a key that only the holder of the id has.
 */
import { hkdfSync } from "node:crypto";
import type { AdapterPayload } from "oidc-provider";
import { createVault } from "../../vault.ts";

const PLACEHOLDER = "{uid}";
const sealed = ["deviceCode", "parJti", "userCode"] as const;

/** The payload as it is stored under the interaction `id`. */
export function sealInteraction(id: string, payload: AdapterPayload): AdapterPayload {
  const stored: AdapterPayload = { ...payload };
  if (typeof payload.returnTo === "string") stored.returnTo = payload.returnTo.replaceAll(id, PLACEHOLDER);
  if (payload.session) stored.session = { ...payload.session, cookie: undefined };
  for (const member of sealed) {
    if (typeof payload[member] === "string")
      stored[member] = vaultOf(id).wrap(payload[member] as string, member);
  }
  return stored;
}

/** The inverse of {@link sealInteraction}; the session's cookie value is not kept, the library never asks for it. */
export function unsealInteraction(id: string, stored: AdapterPayload): AdapterPayload {
  const payload: AdapterPayload = { ...stored };
  if (typeof stored.returnTo === "string") payload.returnTo = stored.returnTo.replaceAll(PLACEHOLDER, id);
  for (const member of sealed) {
    if (typeof stored[member] === "string")
      payload[member] = vaultOf(id).open(stored[member] as string, member);
  }
  return payload;
}

/** The id itself is the secret; the store holds only its hash. */
function vaultOf(id: string) {
  return createVault([Buffer.from(hkdfSync("sha256", id, "", "interaction", 32)).toString("base64url")]);
}
