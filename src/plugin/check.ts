/** Options that cannot be meant: each mistake is a TypeError that names the option and the remedy. */
import { statSync } from "node:fs";
import type { HostAccounts, PasskeysOptions } from "./options.ts";

type Kind = "function" | "string" | "object" | "number";

/** Every option there is, and what it has to be. */
const OPTIONS: Readonly<Record<keyof PasskeysOptions, Kind | "any">> = {
  issuer: "string",
  accounts: "object",
  store: "object",
  secret: "any",
  rpId: "string",
  name: "string",
  origins: "object",
  trustProxy: "number",
  firstParty: "function",
  policy: "function",
  views: "string",
  passwords: "object",
  limits: "object",
  log: "object",
  notify: "function",
  onEvent: "function",
};

/** Theirs inside; the compiler sees to it that none is forgotten here. */
const PASSWORDS: Readonly<Record<keyof NonNullable<PasskeysOptions["passwords"]>, true>> = {
  mode: true,
  requireAfter: true,
  removal: true,
};
const LIMITS: Readonly<Record<keyof NonNullable<PasskeysOptions["limits"]>, true>> = {
  guesses: true,
  ceremonies: true,
  signUps: true,
};

const ACCOUNTS: readonly (keyof HostAccounts | "create")[] = [
  "find",
  "create",
  "findByLogin",
  "verifyPassword",
  "dropPassword",
  "countPasswords",
];

function wrong(what: string): TypeError {
  return new TypeError(`passkeys(): ${what}`);
}

/** What is wrong with a call, said to whoever wrote it. @throws TypeError */
export function checkOptions(options: PasskeysOptions): URL {
  if (typeof options !== "object" || options === null)
    throw wrong("there are no options; give it { issuer, accounts, store }");
  checkNames("", options, Object.keys(OPTIONS));
  const url = checkIssuer(options);
  checkAccounts(options.accounts);
  if (typeof options.store?.commit !== "function")
    throw wrong(
      "store is none; use redisStore(client) of latchkey/redis or lmdbStore(path) of latchkey/lmdb",
    );
  checkKinds(options);
  checkRest(options);
  return url;
}

/** A name that nobody reads would be a wish that is not heard. */
function checkNames(within: string, given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw wrong(
      `there is no option ${within}${unknown}; there are ${known.map((name) => within + name).join(", ")}`,
    );
}

function checkIssuer({ issuer, rpId }: PasskeysOptions): URL {
  if (typeof issuer !== "string" || !URL.canParse(issuer))
    throw wrong(`issuer is ${String(issuer)}, and no URL; give it what new Provider() gets`);
  const url = new URL(issuer);
  if (url.protocol !== "https:" && url.hostname !== "localhost")
    throw wrong(`issuer is ${issuer}; browsers make passkeys for https issuers and http://localhost only`);
  if (/^[\d.]+$|^\[/.test(url.hostname))
    throw wrong("issuer is an IP address; passkeys are bound to a domain, so give it one");
  if (url.search !== "" || url.hash !== "") throw wrong("issuer has a query or a fragment; leave both out");
  if (rpId !== undefined && url.hostname !== rpId && !url.hostname.endsWith(`.${rpId}`))
    throw wrong(
      `rpId ${rpId} is not the issuer's host ${url.hostname}, nor a parent of it; leave it out or give one of both`,
    );
  return url;
}

/** Whatever is there has to be a function, and a password that is verified has to be dropped, too. */
function checkAccounts(accounts: HostAccounts): void {
  if (typeof accounts?.find !== "function")
    throw wrong("accounts.find is missing; give it a function that finds an account by its id");
  // A module of functions may hold more, and so may an object of a class.
  for (const name of ACCOUNTS) {
    const given: unknown = accounts[name as keyof HostAccounts];
    if (given !== undefined && typeof given !== "function")
      throw wrong(`accounts.${name} is no function; give it one or leave it out`);
  }
  if (!accounts.verifyPassword && !accounts.dropPassword) return;
  for (const name of ["findByLogin", "verifyPassword", "dropPassword"] as const) {
    if (!accounts[name])
      throw wrong(`accounts.${name} is missing; passwords need findByLogin, verifyPassword and dropPassword`);
  }
}

function checkKinds(options: PasskeysOptions): void {
  for (const [name, kind] of Object.entries(OPTIONS)) {
    const given: unknown = options[name as keyof PasskeysOptions];
    if (kind === "any" || given === undefined) continue;
    if (typeof given !== kind || given === null)
      throw wrong(`${name} is no ${kind}; give it one or leave it out`);
  }
}

function checkRest({
  trustProxy = 0,
  secret,
  origins,
  views,
  log,
  passwords,
  limits,
}: PasskeysOptions): void {
  if (!Number.isInteger(trustProxy) || trustProxy < 0)
    throw wrong("trustProxy is a number of proxies; give it 0, 1, …");
  for (const one of secret === undefined ? [] : [secret].flat()) {
    if (typeof one !== "string" || Buffer.byteLength(one) < 32)
      throw wrong("secret is shorter than 32 bytes; make one with openssl rand -base64 32");
  }
  if (Array.isArray(secret) && secret.length === 0)
    throw wrong("secret is empty; give it one, or leave it out");
  for (const origin of origins ?? []) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw wrong(`origins has ${String(origin)}, which is none; write each like https://app.example.com`);
  }
  if (views !== undefined && !statSync(views, { throwIfNoEntry: false })?.isDirectory())
    throw wrong(`views is ${views}, and no folder there; give it the path of one`);
  for (const level of ["debug", "info", "warn", "error"] as const) {
    if (log && typeof log[level] !== "function")
      throw wrong(`log has no ${level}(); give it a logger of pino's kind`);
  }
  checkNames("passwords.", passwords ?? {}, Object.keys(PASSWORDS));
  checkNames("limits.", limits ?? {}, Object.keys(LIMITS));
}
