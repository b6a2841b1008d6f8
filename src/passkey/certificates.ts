/** The WebAuthn library's part that reads certificates. Import it when there is one to read: opening it takes longer than the rest. */
export { convertCertBufferToPEM, validateCertificatePath } from "@simplewebauthn/server/helpers";
