/**
 * Every setting, once: its place in the file, its name in the environment, its meaning, its default and its check.
 * The table of the README, `config print` and the start-up check are all made from this schema.
 */
import * as z from "zod";
import { choice, duration, flag, list, rate, text, whole } from "./values.ts";

/** What is known about a setting besides its type. */
export interface About {
  /** What it means, for the table of settings. */
  doc: string;
  /** Its name in the environment; settings without one live in the file only. */
  env?: string;
  /** A further name in the environment that counts when `env` is not set. */
  alias?: string;
  /** The default where it is fixed, written as in the file; otherwise it is derived in `derive.ts`. */
  default?: unknown;
  /** The default in words, where it is derived or where the bare value says too little. */
  defaultText?: string;
  /** `value`: never shown. `url`: shown without its credentials. Both have a `*_FILE` variant when in the environment. */
  secret?: "value" | "url";
}

/** Where {@link About} of each setting is kept. */
export const about = z.registry<About>();

function setting<T extends z.ZodType>(schema: T, words: About): T {
  about.add(schema, words);
  return schema;
}

const confirm = () => choice("email", "pass", "none");

/** The password settings, which may also be set for one group. */
const passwords = {
  mode: setting(choice("offer", "require", "require-after"), {
    doc: "Whether an account with a password may, must, or must after a date create a passkey",
    default: "offer",
  }),
  requireAfter: setting(z.optional(z.iso.date("a date such as 2027-01-31")), {
    doc: "The first day on which a passkey is required, with `passwords.mode` `require-after`",
  }),
  confirm: setting(z.optional(confirm()), {
    doc: "The second proof that is asked when a password becomes a passkey: `email`, `pass` or `none`",
    defaultText: "`email` where the address is verified and mail is set, else `none`",
  }),
  removal: setting(choice("independent", "strict", "synced"), {
    doc: "What must be left before an owner may remove the password: `independent`, `strict` or `synced` ([what each asks for](docs/passwords.md#when-an-owner-may-remove-it))",
    default: "independent",
  }),
  maxCost: z.strictObject({
    memory: setting(whole(1, 4096), {
      doc: "The memory, in MiB, of the costliest password hash that an import accepts",
      default: 64,
    }),
    time: setting(duration(), {
      doc: "The time that the costliest password hash that an import accepts may take",
      default: "1s",
    }),
  }),
};

/** The recovery settings, which may also be set for one group. */
const recovery = {
  codes: setting(flag(), { doc: "Whether recovery codes open the way back", default: true }),
  pass: setting(flag(), { doc: "Whether an administrator's temporary pass opens it", default: true }),
  passMax: setting(duration(), {
    doc: "The longest time that a temporary pass may work; at most `72h`",
    default: "24h",
  }),
  email: setting(flag(), { doc: "Whether a link sent to the verified address opens it", default: false }),
  delay: setting(duration(), { doc: "How long a recovery waits before it takes effect", default: 0 }),
  grace: setting(duration(), {
    doc: "How long passkeys replaced by a recovery stay suspended and can still object",
    default: "7d",
  }),
};

/** What one group may set. */
export const group = z.strictObject({
  passwords: z.optional(z.strictObject({ ...passwords, maxCost: passwords.maxCost.partial() }).partial()),
  recovery: z.optional(z.strictObject(recovery).partial()),
});

/** The shape of `latchkey.config.json`. */
export const schema = z.strictObject({
  issuer: setting(z.optional(text("a URL such as https://id.example.com")), {
    doc: "Issuer URL; the RP ID is its host unless `rpId` says otherwise",
    env: "LATCHKEY_ISSUER",
    defaultText: "`http://localhost:<port>`",
  }),
  rpId: setting(z.optional(text("a domain such as example.com")), {
    doc: "RP ID: the issuer's host or a parent domain of it",
    env: "LATCHKEY_RP_ID",
    defaultText: "the issuer's host",
  }),
  origins: setting(list(), {
    doc: "Further origins that may run ceremonies (related origins), comma separated",
    env: "LATCHKEY_ORIGINS",
    default: [],
    defaultText: "none but the issuer's",
  }),
  port: setting(whole(1, 65_535), {
    doc: "Port of the listener",
    env: "LATCHKEY_PORT",
    alias: "PORT",
    default: 3000,
  }),
  host: setting(text("an address such as 127.0.0.1"), {
    doc: "Address of the listener; the container image sets `0.0.0.0`",
    env: "LATCHKEY_HOST",
    default: "127.0.0.1",
  }),
  store: setting(text("an address such as lmdb:./data or redis://127.0.0.1:6379/0"), {
    doc: "Where data lives: `lmdb:<folder>`, `redis://[user:pass@]host:port/db`, `redis+sentinel://h1:p,h2:p/master[/db]`, `redis+cluster://h1:p,h2:p`; `rediss` in the place of `redis` for TLS ([what else it may say](docs/operations.md#the-address-of-a-redis))",
    env: "LATCHKEY_STORE",
    default: "lmdb:./data",
    secret: "url",
  }),
  durability: setting(z.optional(choice("configured", "disk", "replica")), {
    doc: "What a Redis must confirm before a change that must not be lost is acknowledged: `disk`, `replica`, or nothing beyond what it is `configured` to do ([what each costs](docs/operations.md#durability))",
    env: "LATCHKEY_DURABILITY",
    defaultText:
      "`replica` for Sentinel and Cluster, else `configured`; the embedded store always waits for its disk",
  }),
  storeId: setting(z.optional(text("the id that `latchkey setup` printed")), {
    doc: "The id of the store that this provider expects; another store, or an emptied one, is refused",
    env: "LATCHKEY_STORE_ID",
    defaultText: "any initialised store",
  }),
  secret: setting(list(), {
    doc: "Root secret of at least 32 bytes; several, comma separated and newest first, rotate",
    env: "LATCHKEY_SECRET",
    default: [],
    defaultText: "on localhost a file `secret` in the data folder, made on first use; else required",
    secret: "value",
  }),
  signUp: setting(z.optional(choice("open", "invite", "closed")), {
    doc: "Who may create an account: `open`, `invite` or `closed`",
    env: "LATCHKEY_SIGN_UP",
    defaultText: "`open` on localhost, else `invite`",
  }),
  trustProxy: setting(whole(0, 16), {
    doc: "Number of proxies in front whose forwarding headers are trusted",
    env: "LATCHKEY_TRUST_PROXY",
    default: 0,
  }),
  workers: setting(z.union([z.literal("auto"), whole(1, 1024)], "a number from 1 to 1024, or auto"), {
    doc: "Processes that share the port; `auto` is one for each core. More than one needs Redis",
    env: "LATCHKEY_WORKERS",
    default: 1,
  }),
  adminPort: setting(z.optional(whole(1, 65_535)), {
    doc: "Port of a second listener, for operators alone: `/metrics`, `/livez`, `/readyz` ([what it has](docs/operations.md#metrics))",
    env: "LATCHKEY_ADMIN_PORT",
    defaultText: "off: `/livez` and `/readyz` on the main listener, no metrics",
  }),
  views: setting(z.optional(text("a folder")), {
    doc: "Folder that overlays `views/` file by file",
    env: "LATCHKEY_VIEWS",
    defaultText: "none",
  }),
  log: z.strictObject({
    level: setting(choice("debug", "info", "warn", "error"), {
      doc: "The least level that is logged: `debug`, `info`, `warn` or `error`",
      env: "LATCHKEY_LOG_LEVEL",
      default: "info",
    }),
    format: setting(z.optional(choice("pretty", "json")), {
      doc: "How log lines look: `pretty` or `json`",
      env: "LATCHKEY_LOG_FORMAT",
      defaultText: "`pretty` on a terminal, else `json`",
    }),
  }),
  passwords: z.strictObject(passwords),
  recovery: z.strictObject(recovery),
  mail: z.strictObject({
    url: setting(z.optional(text("an address such as smtps://user:pass@mail.example.com")), {
      doc: "SMTP server: `smtp://` or `smtps://[user:pass@]host[:port]`",
      env: "LATCHKEY_MAIL_URL",
      defaultText: "off",
      secret: "url",
    }),
    from: setting(z.optional(text("an address such as id@example.com")), {
      doc: "Sender of mails",
      env: "LATCHKEY_MAIL_FROM",
      defaultText: "none",
    }),
  }),
  deletion: z.strictObject({
    grace: setting(duration(), {
      doc: "How long an account that its owner wants deleted can still be kept",
      default: "7d",
    }),
  }),
  coach: z.strictObject({
    every: setting(duration(), {
      doc: 'How long after a "Not now" an owner is asked for a second passkey again',
      default: "30d",
    }),
  }),
  limits: z.strictObject({
    guesses: z.strictObject({
      perAccount: setting(rate(), {
        doc: "Guesses of a password, recovery code, pass or device code for one account",
        default: "5/15m",
      }),
      perAddress: setting(rate(), { doc: "The same, from one address", default: "20/1h" }),
    }),
    ceremonies: setting(rate(), { doc: "Ceremonies from one address", default: "600/1m" }),
    signUps: setting(rate(), { doc: "New accounts from one address", default: "600/1m" }),
  }),
  groups: setting(
    z.record(z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$/u, "a group's name"), group),
    {
      doc: "Any `passwords.*` and `recovery.*` setting for the members of one group: `groups.<name>.passwords.mode`, …",
      default: {},
      defaultText: "none",
    },
  ),
});

/** What the schema makes of the input, before what depends on other settings is derived. */
export type Parsed = z.output<typeof schema>;
