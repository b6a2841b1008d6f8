/** The JSON forms of WebAuthn's options and answers (WebAuthn Level 3, section 5.1.8 to 5.1.10). */
export type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from "@simplewebauthn/server";
