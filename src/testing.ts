/**
 * What tests of an installation need: a passkey without a browser, and the contract that a store has to keep.
 *
 * @module latchkey/testing
 */
export { SoftwareAuthenticator, type SoftwareAuthenticatorOptions } from "./testing/authenticator.ts";
export { type Check, type ContractStore, storeContract } from "./testing/contract.ts";
export type { Algorithm, KeyPair, SoftwareCredential } from "./testing/key.ts";
export type { CommonOverrides, CreateOverrides, GetOverrides } from "./testing/overrides.ts";
