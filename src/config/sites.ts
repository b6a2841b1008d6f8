/**
 * Which sites a list of related origins names. A browser looks at the first five registrable labels and at no others
 * (WebAuthn Level 3, section 5.11.1). Which part of a name is registrable only the public suffix list knows, which changes
 * every week; this goes by the shape of the name, and where it is wrong it mostly counts two sites as one.
 */

/** How many sites a browser looks at. */
export const MOST_SITES = 5;

/** Second-level labels under which countries register names. */
const SECOND = new Set("ac co com edu gob gov go gv ltd me mil ne net nom or org plc sch".split(" "));

/** The label that somebody registered: `shop` of `www.shop.co.uk`. */
function siteOf(host: string): string {
  const labels = host.split(".");
  const country = labels.at(-1)?.length === 2;
  const at = labels.length > 2 && country && SECOND.has(labels.at(-2) ?? "") ? -3 : -2;
  return labels.at(at) ?? host;
}

/** The sites of origins that are not within the RP ID themselves. */
export function sitesOf(origins: readonly string[], rpId: string): string[] {
  return [...new Set(unrelated(origins, rpId).map((origin) => siteOf(new URL(origin).hostname)))];
}

/** Origins that need to be related, and so listed: those within the RP ID may use its passkeys anyway. */
export function unrelated(origins: readonly string[], rpId: string): string[] {
  return origins.filter((origin) => !`.${new URL(origin).hostname}`.endsWith(`.${rpId}`));
}
