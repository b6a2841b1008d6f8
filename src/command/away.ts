/** Why a store is away, in its driver's words: for the operator's terminal, never for the network. */
import { isRefusal, type LatchkeyError } from "../errors.ts";

/** ` (reason)`, or nothing where nobody knows one. */
export function whyAway(error: LatchkeyError): string {
  const { cause } = isRefusal(error, "store_unavailable") ? error : {};
  return cause instanceof Error && cause.message !== "" ? ` (${cause.message})` : "";
}
