/** What a test may change in one answer of the software authenticator, so that every hostile variation has a name. */
import type { Cbor } from "./cbor.ts";

/** Changes to what both ceremonies have in common. Whatever is signed is signed after the change. */
export interface CommonOverrides {
  /** Client data `type`. */
  type?: string;
  /** Client data `challenge`, instead of the one in the options. */
  challenge?: string;
  /** Client data `origin`, instead of the one that was given. */
  origin?: string;
  /** Client data `crossOrigin`; `null` leaves the member out. Default: false. */
  crossOrigin?: boolean | null;
  /** Client data `topOrigin`. Default: absent. */
  topOrigin?: string;
  /** Further members of the client data. */
  clientData?: Record<string, unknown>;
  /** The last word on the client data: gets the JSON text, returns what goes out (a BOM, duplicate keys, no JSON). */
  clientDataJSON?: (json: string) => string | Uint8Array;
  /** UP. Default: true. */
  userPresent?: boolean;
  /** UV. Default: true. */
  userVerified?: boolean;
  /** BE. Default: the credential's. */
  backupEligible?: boolean;
  /** BS. Default: the credential's. */
  backedUp?: boolean;
  /** Signature counter, 0 to 2^32 - 1. Default: the credential's own. */
  counter?: number;
  /** The RP ID whose hash goes into the authenticator data. Default: the one of the options. */
  rpId?: string;
  /** The last word on the authenticator data: extra bytes, truncation, other flags. */
  authenticatorData?: (bytes: Buffer) => Uint8Array;
  /** `id` of the answer. Default: the credential's. */
  id?: string;
  /** `rawId` of the answer. Default: the same as `id`. */
  rawId?: string;
}

/** Changes to one registration. */
export interface CreateOverrides extends CommonOverrides {
  /** The credential id in the authenticator data. Default: 32 random bytes. */
  credentialId?: Uint8Array;
  /** AAGUID as text. Default: the authenticator's. */
  aaguid?: string;
  /** Take this algorithm, offered or not. */
  algorithm?: -7 | -8 | -257;
  /** The COSE key in the authenticator data: a map, or bytes as they are. */
  publicKey?: ReadonlyMap<number, Cbor> | Uint8Array;
  /** Attestation of this one registration. */
  attestation?: "none" | "self" | "x5c";
  /** Attestation statement format identifier. Default: as the attestation says. */
  format?: string;
  /** The last word on the attestation statement. */
  statement?: (statement: Map<string, Cbor>) => Cbor;
  /** The last word on the attestation object. */
  attestationObject?: (bytes: Buffer) => Uint8Array;
  /** `transports` of the answer; anything, so that a test can send nonsense. */
  transports?: unknown;
}

/** Changes to one authentication. */
export interface GetOverrides extends CommonOverrides {
  /** The id of the credential that answers. Default: the newest that the options allow. */
  credential?: string;
  /** `userHandle` of the answer; `null` leaves it out. Default: the credential's. */
  userHandle?: string | null;
  /** Another form of the signature, or the last word on its bytes. */
  signature?: "spoiled" | "high-s" | "raw" | ((bytes: Buffer) => Uint8Array);
}
