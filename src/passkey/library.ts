/**
 * What we use of the WebAuthn library but its certificates. Import it when something is first registered, not before: a sign-in
 * does not need it, and opening it takes long.
 */
export { verifyRegistrationResponse } from "@simplewebauthn/server";
export { decodeAttestationObject, parseAuthenticatorData } from "@simplewebauthn/server/helpers";
