/** What must hold between settings, and what a type cannot say. Each rule answers with problems and their remedy. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { folderOf, isLocalIssuer, issuerOf } from "./derive.ts";
import { maskAddress, quote } from "./quote.ts";
import type { Parsed } from "./schema.ts";
import { MOST_SITES, sitesOf } from "./sites.ts";
import { storeProblem } from "./store-address.ts";

/** What could be parsed; a rule keeps quiet about what could not. */
export type Partly = { [K in keyof Parsed]?: Parsed[K] | undefined };

type Rule = (settings: Partly, cwd: string) => (string | undefined | false)[];

const SECRET_BYTES = 32;

const issuerRule: Rule = ({ issuer }) => {
  if (issuer === undefined) return [];
  const url = URL.parse(issuer);
  const say = (words: string) => [`issuer (LATCHKEY_ISSUER): ${words}`];
  if (!url) return say("expected a URL such as https://id.example.com");
  if (url.protocol !== "https:" && url.protocol !== "http:") return say("expected an https: URL");
  if (url.username || url.password) return say("must not hold a user or a password");
  if (isAddress(url.hostname))
    return say("must name a domain, not an IP address: passkeys are bound to domains");
  if (url.protocol === "http:" && url.hostname !== "localhost") {
    return say("http: is for localhost only; use https: (a proxy in front may end TLS)");
  }
  if (url.pathname !== "/" || url.search || url.hash || /[?#]/.test(issuer)) {
    return say(`must have no path, query or fragment; use ${url.origin}`);
  }
  if (!isDomain(url.hostname))
    return say("must name a domain of letters, digits and hyphens, without a dot at its end");
  return issuer === url.origin ? [] : say(`must be written as an exact origin: ${url.origin}`);
};

/** The URL parser lets more through, `*` for one. */
function isDomain(hostname: string): boolean {
  return /^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(hostname);
}

function isAddress(hostname: string): boolean {
  // The parser turns every spelling of an IPv4 address into four decimal numbers.
  return hostname.startsWith("[") || /^\d+(\.\d+){3}$/.test(hostname);
}

const rpIdRule: Rule = (settings) => {
  const issuer = issuerOf(settings);
  const host = issuer === undefined ? undefined : URL.parse(issuer)?.hostname;
  const { rpId } = settings;
  if (rpId === undefined || !host || rpId === host) return [];
  // A domain of one label is a public suffix, which no browser accepts (WebAuthn Level 3, section 13.4.9).
  const fits = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(rpId) && host.endsWith(`.${rpId}`);
  return [
    !fits &&
      `rpId (LATCHKEY_RP_ID): must be ${host}, the issuer's host, or a parent domain of it, in lower case`,
  ];
};

const originsRule: Rule = (settings) => {
  const local = isLocalIssuer(issuerOf(settings) ?? "");
  const problems = (settings.origins ?? []).map((origin, index) => {
    const url = URL.parse(origin);
    const exact = url?.origin === origin && isDomain(url.hostname);
    const fits = exact && (origin.startsWith("https://") || (local && isLocalIssuer(origin)));
    return (
      !fits &&
      `origins (LATCHKEY_ORIGINS): entry ${index + 1} must be an exact origin such as https://app.example.com`
    );
  });
  return problems.some(Boolean) ? problems : [tooManySites(settings)];
};

function tooManySites(settings: Partly): string | false {
  const rpId = settings.rpId ?? URL.parse(issuerOf(settings) ?? "")?.hostname;
  if (!rpId) return false;
  const sites = sitesOf(settings.origins ?? [], rpId);
  return (
    sites.length > MOST_SITES &&
    `origins (LATCHKEY_ORIGINS): names ${sites.length} sites (${sites.join(", ")}), and browsers look at ${MOST_SITES}; ` +
      "leave some out, or use subdomains of one site"
  );
}

const secretRule: Rule = (settings) => {
  const { secret } = settings;
  const issuer = issuerOf(settings);
  if (secret === undefined) return [];
  const missing = secret.length === 0 && issuer !== undefined && !isLocalIssuer(issuer);
  const short = secret.some((part) => Buffer.byteLength(part) < SECRET_BYTES);
  return [
    missing &&
      "secret (LATCHKEY_SECRET or LATCHKEY_SECRET_FILE): required beside localhost; make one with: openssl rand -base64 48",
    short &&
      "secret (LATCHKEY_SECRET): each secret needs at least 32 bytes; make one with: openssl rand -base64 48",
  ];
};

const storeRule: Rule = ({ store, workers, durability }) => {
  const problem = store === undefined ? undefined : storeProblem(store);
  const several = workers === "auto" || (workers ?? 1) > 1;
  const embedded = store !== undefined && folderOf(store) !== undefined;
  return [
    problem && `store (LATCHKEY_STORE): ${problem}`,
    durability === "replica" &&
      embedded &&
      "durability (LATCHKEY_DURABILITY): the embedded store has no replica; it always waits for its disk",
    several &&
      embedded &&
      "workers (LATCHKEY_WORKERS): more than 1 needs Redis; set LATCHKEY_STORE=redis://… or LATCHKEY_WORKERS=1",
  ];
};

const portsRule: Rule = ({ port, adminPort }) => [
  port !== undefined &&
    port === adminPort &&
    "adminPort (LATCHKEY_ADMIN_PORT): must differ from port (LATCHKEY_PORT)",
];

const viewsRule: Rule = ({ views }, cwd) => {
  const missing = views !== undefined && !isFolder(resolve(cwd, views));
  return [missing && `views (LATCHKEY_VIEWS): there is no folder ${quote(maskAddress(views))}`];
};

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Both cannot be asked for and be shut: nobody's password could ever go. */
const removalRule: Rule = ({ passwords, recovery, groups = {} }) => {
  const named = Object.entries(groups).map(([name, group]) => [`groups.${name}.`, group] as const);
  return [["", undefined] as const, ...named].map(([key, group]) => {
    const removal = group?.passwords?.removal ?? passwords?.removal;
    const codes = group?.recovery?.codes ?? recovery?.codes;
    return (
      removal === "strict" &&
      codes === false &&
      `${key}passwords.removal (configuration file only): strict asks for recovery codes, and ${key}recovery.codes is false`
    );
  });
};

const passwordsRule: Rule = ({ passwords, groups = {} }) => {
  const named = Object.entries(groups).map(
    ([name, group]) => [`groups.${name}.passwords`, group.passwords] as const,
  );
  return [["passwords", passwords] as const, ...named].map(([key, found]) => {
    const undated =
      found?.mode === "require-after" && (found.requireAfter ?? passwords?.requireAfter) === undefined;
    return (
      undated &&
      `${key}.requireAfter (configuration file only): needed with mode require-after: a date such as 2027-01-31`
    );
  });
};

const mailRule: Rule = ({ mail = {}, recovery, groups = {} }) => {
  const url = mail.url === undefined ? undefined : URL.parse(mail.url);
  const fits = mail.url === undefined || (url && /^smtps?:$/.test(url.protocol) && url.hostname !== "");
  const asked = [recovery, ...Object.values(groups).map((group) => group.recovery)];
  const wants = asked.some((ladder) => ladder?.email) && mail.url === undefined;
  return [
    !fits && "mail.url (LATCHKEY_MAIL_URL): expected smtp:// or smtps:// with a host",
    mail.url !== undefined &&
      !mail.from &&
      "mail.from (LATCHKEY_MAIL_FROM): needed with mail.url: the sender's address",
    mail.from !== undefined &&
      !/^[^\s\p{Cc}]+@[^\s\p{Cc}]+$|^[^<>\p{Cc}]+<[^\s<>\p{Cc}]+@[^\s<>\p{Cc}]+>$/u.test(mail.from) &&
      "mail.from (LATCHKEY_MAIL_FROM): expected an address such as id@example.com or Example <id@example.com>",
    wants && "recovery.email (configuration file only): needs mail; set mail.url (LATCHKEY_MAIL_URL)",
  ];
};

const PASS_MAX = 72 * 60 * 60 * 1000;

const passRule: Rule = ({ recovery }) => [
  (recovery?.passMax ?? 0) > PASS_MAX && "recovery.passMax (configuration file only): at most 72h",
];

const rules = [
  passRule,
  issuerRule,
  rpIdRule,
  originsRule,
  secretRule,
  storeRule,
  portsRule,
  viewsRule,
  passwordsRule,
  removalRule,
  mailRule,
];

/** Every broken rule, in words. */
export function broken(settings: Partly, cwd: string): string[] {
  return rules.flatMap((rule) => rule(settings, cwd)).filter((problem) => typeof problem === "string");
}
