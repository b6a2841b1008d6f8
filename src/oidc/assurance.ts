/**
 * How sure a sign-in is, in the terms apps ask for: `acr` (OpenID Connect EAP ACR Values 1.0) and `amr` (RFC 8176).
 * Pure functions of verified facts.
 */
import type { Passkey } from "../account/account.ts";

/** Phishing-resistant: any passkey with user verification. */
export const PHR = "phr";
/** Phishing-resistant and hardware-protected: attested, and not backup-eligible. */
export const PHRH = "phrh";
/** What is left: a legacy password. */
export const PASSWORD = "urn:latchkey:acr:password";

/** Every acr we can give; advertised as `acr_values_supported`. */
export const ACR_VALUES: readonly string[] = [PHR, PHRH, PASSWORD];

export interface Assurance {
  acr: string;
  amr: string[];
}

/** The assurance of a fresh assertion with this passkey; user verification is a precondition of every assertion. */
export function passkeyAssurance(passkey: Pick<Passkey, "attestation" | "backupEligible">): Assurance {
  const hardware = passkey.attestation === "verified" && !passkey.backupEligible;
  const storage = hardware ? ["hwk"] : passkey.backupEligible ? ["swk"] : [];
  return { acr: hardware ? PHRH : PHR, amr: ["pop", ...storage, "user", "mfa"] };
}

/** What a legacy password shows, and all it shows. */
export const passwordAssurance: Assurance = { acr: PASSWORD, amr: ["pwd"] };

/** True when `acr` is as good as `wanted`; `phrh` is everything that `phr` is. */
export function satisfies(acr: string | undefined, wanted: string): boolean {
  return acr === wanted || (acr === PHRH && wanted === PHR);
}

/** What a request demands: each group must be met by one of its values. */
export interface Demand {
  values: string[];
  /** Demanded as an essential claim (OpenID Connect Core, section 5.5.1.1): never a token that says less. */
  essential: boolean;
}

/** The parts of an authorization request that speak about acr. */
export interface AcrRequest {
  acrValues?: string | undefined;
  claims?: string | object | undefined;
  defaultAcrValues?: readonly string[] | undefined;
}

/**
 * Reads every demand from the raw request. The library lets `acr_values` overwrite an essential `acr` claim, which
 * would let anybody who can edit the address switch a step-up off; here both count.
 */
export function demands(request: AcrRequest): Demand[] {
  const voluntary = request.acrValues?.split(" ").filter(Boolean) ?? [...(request.defaultAcrValues ?? [])];
  const claim = acrClaim(request.claims);
  const claimed = [...(claim?.values ?? []), ...(claim?.value === undefined ? [] : [claim.value])];
  return [
    { values: claimed, essential: claim?.essential === true },
    { values: voluntary, essential: false },
  ].filter(({ values }) => values.length > 0);
}

/**
 * Whether `acr` meets a demand. A voluntary demand (section 5.5.1) that names nothing we know asks for nothing.
 */
export function meets(acr: string | undefined, demand: Demand): boolean {
  if (!demand.essential && !reachable(demand)) return true;
  return demand.values.some((wanted) => satisfies(acr, wanted));
}

/** Whether any sign-in at all could meet a demand. */
export function reachable(demand: Demand): boolean {
  return demand.values.some((wanted) => ACR_VALUES.includes(wanted));
}

interface AcrClaim {
  essential?: unknown;
  value?: string;
  values?: string[];
}

function acrClaim(claims: string | object | undefined): AcrClaim | undefined {
  const parsed = typeof claims === "string" ? parseObject(claims) : claims;
  const claim = (parsed as { id_token?: { acr?: AcrClaim | null } } | undefined)?.id_token?.acr;
  if (typeof claim !== "object" || claim === null) return undefined;
  const values = Array.isArray(claim.values) ? claim.values.filter((value) => typeof value === "string") : [];
  const value = typeof claim.value === "string" ? { value: claim.value } : {};
  return { essential: claim.essential, values, ...value };
}

/** The library has refused claims that are not JSON before this is asked. */
function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
