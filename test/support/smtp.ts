/** A real mail server for the tests, and what it was sent, read as a mail program reads it. */
import type { AddressInfo } from "node:net";
import { type ParsedMail, simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";
import { expect } from "vitest";

export interface MailServer {
  readonly url: string;
  /** What arrived, oldest first: the envelope's recipients and the mail. */
  readonly inbox: readonly { to: string[]; mail: ParsedMail; raw: string }[];
  /** Waits until so many mails to this address have arrived and gives the newest. */
  newest(to: string, count?: number): Promise<ParsedMail>;
  /** Recipients that the server refuses, with the SMTP code it gives. */
  readonly refuses: Map<string, number>;
  /** Takes no more connections until `open`. */
  shut(): Promise<void>;
  open(): Promise<void>;
}

const FROM = "Latchkey <id@latchkey.example>";

/** The settings under which a server of ours sends its mail there. */
export const mailSettings = ({ url }: MailServer) => ({ url, from: FROM });

export async function startMailServer(): Promise<MailServer> {
  const inbox: { to: string[]; mail: ParsedMail; raw: string }[] = [];
  const refuses = new Map<string, number>();
  let port = 0;
  let server: SMTPServer | undefined;
  const open = async () => {
    if (server?.server.listening) return;
    server = make(inbox, refuses);
    await new Promise<void>((resolve) => server?.listen(port, "127.0.0.1", () => resolve()));
    port = (server.server.address() as AddressInfo).port;
  };
  await open();
  return {
    url: `smtp://127.0.0.1:${port}`,
    inbox,
    refuses,
    open,
    shut: () => new Promise((resolve) => server?.close(() => resolve())),
    async newest(to, count = 1) {
      const found = () => inbox.filter((one) => one.to.includes(to));
      await expect.poll(() => found().length, { timeout: 20_000 }).toBeGreaterThanOrEqual(count);
      return found().at(-1)!.mail;
    },
  };
}

function make(inbox: { to: string[]; mail: ParsedMail; raw: string }[], refuses: Map<string, number>) {
  return new SMTPServer({
    disabledCommands: ["AUTH", "STARTTLS"],
    logger: false,
    closeTimeout: 100,
    onRcptTo({ address }, _session, done) {
      const responseCode = refuses.get(address);
      done(responseCode === undefined ? null : Object.assign(new Error("no"), { responseCode }));
    },
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => void chunks.push(chunk));
      stream.on("end", () => {
        const raw = Buffer.concat(chunks).toString();
        void simpleParser(raw).then((mail) => {
          inbox.push({ to: envelope.rcptTo.map(({ address }) => address), mail, raw });
          done();
        });
      });
    },
  });
}
