/** Writes to people: what they are told of their account, and links that prove an address is theirs. */
import type { Account } from "../account/account.ts";
import { CLOSED, type Mail, type Notify } from "../account/notices.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import { rateLimit } from "../store/rate.ts";
import type { Store } from "../store/store.ts";
import type { Vault } from "../vault.ts";
import { createMailRenderer, type MailModels, type MailName, type MailRenderer } from "../view/mail.ts";
import { type MailOutcome, mailQueue, type Queue } from "./queue.ts";
import { smtp } from "./smtp.ts";

/** One mail. */
export interface Letter<K extends MailName = MailName> {
  to: string;
  name: K;
  model: Omit<MailModels[K], "issuer">;
  /** Of the recipient; English where nobody knows. */
  language?: string | undefined;
  /** Whose mail it is, where others can have it sent: at most three an hour for each. */
  bucket?: string;
}

export interface Mailer extends Mail {
  /** Keeps the mail until it is sent. False, and nothing is sent, when its bucket has had enough. */
  send<K extends MailName>(letter: Letter<K>): Promise<boolean>;
  notify: Notify;
  /** Sends what waits. */
  drain(): Promise<number>;
  waiting: Queue["waiting"];
}

interface MailerOptions {
  store: Store;
  queue: Queue;
  renderer: MailRenderer;
  issuer: URL;
  log: Logger;
  /** Only keeps mails: a server that runs on the same store sends them. */
  leaves?: boolean | undefined;
}

const VOLUME = { count: 3, window: 60 * 60_000 };

function mailer(options: MailerOptions): Mailer {
  const { store, queue, renderer, issuer, log } = options;
  const allow = rateLimit(store, "mail", VOLUME);
  const send: Mailer["send"] = async ({ to, name, model, language, bucket }) => {
    if (bucket !== undefined && !(await allow(bucket))) return false;
    const whole = { ...model, issuer: issuer.host } as MailModels[typeof name];
    await queue.put({ to, ...renderer.render(name, whole, language) });
    if (options.leaves) return true;
    // On its own: whoever wrote waits for no mail server. What is not sent now is sent by the next round.
    void queue.drain().catch((err: unknown) => log.warn({ err }, "sending mails failed"));
    return true;
  };
  return {
    send,
    drain: () => queue.drain(),
    waiting: () => queue.waiting(),
    async code(account, { kind, code, link }, language) {
      if (!hasAddress(account)) return;
      const opened = link === undefined ? {} : { link: { url: link, minutes: 30 } };
      const model = { kind, account: account.username, code, ...opened };
      await send({ to: account.email, name: "proof", model, language, bucket: `code:${account.id}` });
    },
    async notify(account, { kind, at, about, undo }) {
      if (!hasAddress(account)) return;
      const more = { ...(about === undefined ? {} : { about }), ...(undo === undefined ? {} : { undo }) };
      const open = CLOSED.includes(kind) ? {} : { accountUrl: `${issuer.origin}/account` };
      const model = { kind, at, account: account.username, ...open, ...more };
      const { email: to, language } = account;
      // What any stranger can have sent is not sent without end.
      const bucket = kind === "address_used" ? { bucket: `address:${account.id}` } : {};
      await send({ to, name: "notice", model, language, ...bucket }).catch((err: unknown) =>
        log.error({ err, kind }, "an owner could not be told"),
      );
    },
  };
}

/** An address that nobody has proved to be his may be anybody's. */
function hasAddress(account: Account): account is Account & { email: string } {
  return account.emailVerified && account.email !== undefined;
}

/** What an installation's mail needs. */
export interface MailSettings {
  store: Store;
  vault: Vault;
  clock: Clock;
  log: Logger;
  settings: { issuer: string };
  url?: string | undefined;
  from?: string | undefined;
  overlay?: string;
  leaves?: boolean;
  count?: ((outcome: MailOutcome) => void) | undefined;
}

/** The mailer of an installation; none where no mail server is set. */
export function openMailer(o: MailSettings): Mailer | undefined {
  const { store, log, url, from, leaves } = o;
  if (url === undefined || from === undefined) return undefined;
  const queue = mailQueue({ ...o, deliver: smtp(url, from) });
  const issuer = new URL(o.settings.issuer);
  return mailer({ store, queue, log, renderer: createMailRenderer(o), issuer, leaves });
}
