/**
 * What tests of an installation need: a passkey without a browser.
 *
 * @module latchkey/testing
 */
export { SoftwareAuthenticator, type SoftwareAuthenticatorOptions } from "./testing/authenticator.ts";
export type { Algorithm, KeyPair, SoftwareCredential } from "./testing/key.ts";
export type { CommonOverrides, CreateOverrides, GetOverrides } from "./testing/overrides.ts";
