/**
 * An authenticator in software, on `node:crypto` alone: it creates discoverable credentials and answers with them,
 * and does wrong whatever a test asks it to. A signature costs about a tenth of a millisecond.
 */
import { randomBytes } from "node:crypto";
import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from "../passkey/json.ts";
import {
  authenticatorDataFor,
  base64url,
  clientDataJSON,
  identity,
  requireBase64url,
  reshape,
  sha256,
} from "./answer.ts";
import { attestationObject } from "./attestation.ts";
import { encodeCbor } from "./cbor.ts";
import { attestationAuthority, attestationCertificate, type Certificate, toPem } from "./certificate.ts";
import { type Algorithm, newKeyPair, type SoftwareCredential, signWith } from "./key.ts";
import type { CreateOverrides, GetOverrides } from "./overrides.ts";

/** What kind of authenticator it is. */
export interface SoftwareAuthenticatorOptions {
  /** COSE algorithms it can do. Default: ES256, EdDSA, RS256; the first one that the options offer is taken. */
  algorithms?: readonly Algorithm[];
  /** AAGUID as text. Default: all zero, "unknown". */
  aaguid?: string;
  /** BE of new credentials: may they be synced? Default: true. */
  backupEligible?: boolean;
  /** BS of new credentials: are they? Default: as `backupEligible`. */
  backedUp?: boolean;
  /** Signature counter of new credentials; grows by one with each answer. Default: none, always 0. */
  counter?: number;
  /** Attestation of new credentials: none, signed by the credential itself, or by a certificate. Default: none. */
  attestation?: "none" | "self" | "x5c";
  /** Default: `internal` and `hybrid`. */
  transports?: readonly string[];
  /** Length of credential ids in bytes. Default: 32. */
  credentialIdLength?: number;
}

/**
 * A software authenticator with its client: takes the options a page carries, gives the answer the page would post.
 *
 * @example
 * ```ts
 * import { SoftwareAuthenticator } from "latchkey/testing";
 *
 * const authenticator = new SoftwareAuthenticator();
 * const created = authenticator.create(
 *   {
 *     rp: { id: "localhost", name: "Example" },
 *     user: { id: "AAAA", name: "jane", displayName: "Jane" },
 *     challenge: "AAAA",
 *     pubKeyCredParams: [{ type: "public-key", alg: -7 }],
 *   },
 *   "http://localhost:3000",
 * );
 * const answer = authenticator.get({ rpId: "localhost", challenge: "AAAA" }, "http://localhost:3000");
 * console.log(answer.id === created.id); // true
 * ```
 */
export class SoftwareAuthenticator {
  /** What it holds, oldest first. Remove one to lose a passkey. */
  readonly credentials: SoftwareCredential[] = [];
  readonly #options: SoftwareAuthenticatorOptions;
  #authority: Certificate | undefined;

  constructor(options: SoftwareAuthenticatorOptions = {}) {
    this.#options = options;
  }

  /** The root that its attestation certificates chain to, as PEM. */
  get attestationRoot(): string {
    return toPem(this.#attestationAuthority().der);
  }

  /**
   * Registers: makes a discoverable credential and answers as `navigator.credentials.create()` does. A credential
   * of the same relying party and user handle is replaced.
   *
   * @throws `DOMException` `InvalidStateError` when it holds an excluded credential, `NotSupportedError` when it can
   * do none of the algorithms.
   */
  create(
    options: PublicKeyCredentialCreationOptionsJSON,
    origin: string,
    overrides: CreateOverrides = {},
  ): RegistrationResponseJSON {
    const rpId = options.rp.id ?? new URL(origin).hostname;
    const excluded = new Set(options.excludeCredentials?.map(({ id }) => id));
    if (this.credentials.some((held) => held.rpId === rpId && excluded.has(held.id))) {
      throw new DOMException("The authenticator holds an excluded credential.", "InvalidStateError");
    }
    const credential = this.#newCredential(rpId, options, overrides);
    requireBase64url(options);
    const clientData = clientDataJSON("webauthn.create", options.challenge, origin, overrides);
    const authenticatorData = authenticatorDataFor(
      credential,
      overrides,
      this.#attested(credential, overrides),
    );
    const object = attestationObject(
      {
        attestation: overrides.attestation ?? this.#options.attestation ?? "none",
        authenticatorData,
        clientDataHash: sha256(clientData),
        key: credential,
        certificate: () => this.#certificate(overrides),
      },
      overrides,
    );
    return this.#registration(credential, clientData, object, authenticatorData, overrides);
  }

  /**
   * Authenticates: answers as `navigator.credentials.get()` does, with the newest credential that the options allow.
   *
   * @throws `DOMException` `NotAllowedError` when it holds none.
   */
  get(
    options: PublicKeyCredentialRequestOptionsJSON,
    origin: string,
    overrides: GetOverrides = {},
  ): AuthenticationResponseJSON {
    const credential = this.#choose(options, origin, overrides);
    if (credential.counter !== undefined) credential.counter++;
    requireBase64url(options);
    const clientData = clientDataJSON("webauthn.get", options.challenge, origin, overrides);
    const authenticatorData = authenticatorDataFor(credential, overrides);
    const signature = signWith(credential, Buffer.concat([authenticatorData, sha256(clientData)]));
    const userHandle = overrides.userHandle === undefined ? credential.userHandle : overrides.userHandle;
    return {
      ...identity(credential, overrides),
      response: {
        clientDataJSON: base64url(clientData),
        authenticatorData: base64url(authenticatorData),
        signature: base64url(reshape(signature, overrides.signature)),
        ...(userHandle === null ? {} : { userHandle }),
      },
    };
  }

  #newCredential(
    rpId: string,
    { user, pubKeyCredParams }: PublicKeyCredentialCreationOptionsJSON,
    overrides: CreateOverrides,
  ): SoftwareCredential {
    const can = this.#options.algorithms ?? [-7, -8, -257];
    const algorithm = overrides.algorithm ?? can.find((id) => pubKeyCredParams.some(({ alg }) => alg === id));
    if (algorithm === undefined)
      throw new DOMException("None of the algorithms is supported.", "NotSupportedError");
    const backupEligible = this.#options.backupEligible ?? true;
    const credential: SoftwareCredential = {
      ...newKeyPair(algorithm),
      id: base64url(overrides.credentialId ?? randomBytes(this.#options.credentialIdLength ?? 32)),
      rpId,
      userHandle: user.id,
      userName: user.name,
      backupEligible,
      backedUp: this.#options.backedUp ?? backupEligible,
      counter: this.#options.counter,
    };
    const replaced = this.credentials.findIndex((held) => held.rpId === rpId && held.userHandle === user.id);
    if (replaced >= 0) this.credentials.splice(replaced, 1);
    this.credentials.push(credential);
    return credential;
  }

  #choose(
    { rpId, allowCredentials }: PublicKeyCredentialRequestOptionsJSON,
    origin: string,
    overrides: GetOverrides,
  ): SoftwareCredential {
    const scope = rpId ?? new URL(origin).hostname;
    const allowed = new Set(allowCredentials?.map(({ id }) => id));
    const credential = this.credentials.findLast((held) =>
      overrides.credential === undefined
        ? held.rpId === scope && (allowed.size === 0 || allowed.has(held.id))
        : held.id === overrides.credential,
    );
    if (!credential) throw new DOMException("The authenticator holds no such credential.", "NotAllowedError");
    return credential;
  }

  /** Attested credential data (WebAuthn Level 3, section 6.5.1). */
  #attested(credential: SoftwareCredential, overrides: CreateOverrides): Buffer {
    const id = Buffer.from(credential.id, "base64url");
    const length = Buffer.of(id.length >> 8, id.length & 0xff);
    const given = overrides.publicKey ?? credential.publicKey;
    const publicKey = given instanceof Uint8Array ? given : encodeCbor(given);
    return Buffer.concat([this.#aaguid(overrides), length, id, publicKey]);
  }

  #aaguid(overrides: CreateOverrides): Buffer {
    const text = overrides.aaguid ?? this.#options.aaguid ?? "00000000-0000-0000-0000-000000000000";
    return Buffer.from(text.replaceAll("-", ""), "hex");
  }

  #attestationAuthority(): Certificate {
    this.#authority ??= attestationAuthority();
    return this.#authority;
  }

  #certificate(overrides: CreateOverrides): Certificate {
    return attestationCertificate(this.#attestationAuthority(), this.#aaguid(overrides));
  }

  #registration(
    credential: SoftwareCredential,
    clientData: Uint8Array,
    object: Uint8Array,
    authenticatorData: Uint8Array,
    overrides: CreateOverrides,
  ): RegistrationResponseJSON {
    const transports = "transports" in overrides ? overrides.transports : this.#options.transports;
    return {
      ...identity(credential, overrides),
      response: {
        clientDataJSON: base64url(clientData),
        attestationObject: base64url(object),
        authenticatorData: base64url(authenticatorData),
        publicKeyAlgorithm: credential.algorithm,
        transports: (transports ?? ["internal", "hybrid"]) as string[],
      },
    };
  }
}
