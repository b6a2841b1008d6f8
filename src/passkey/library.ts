/**
 * The WebAuthn library, loaded when something is first registered: loading it takes longer than starting everything
 * else, and a sign-in does not need it.
 */

export function library(): Promise<typeof import("@simplewebauthn/server")> {
  return import("@simplewebauthn/server");
}

export function libraryHelpers(): Promise<typeof import("@simplewebauthn/server/helpers")> {
  return import("@simplewebauthn/server/helpers");
}
