/** The mail server: the only file that speaks SMTP. */
import type { Transporter } from "nodemailer";
import { type Deliver, type Mail, Undeliverable } from "./queue.ts";

/** How long a server may be silent; milliseconds. */
const PATIENCE = 15_000;

/** Sends by SMTP. The library is loaded with the first mail, and each mail has a connection of its own. */
export function smtp(url: string, from: string): Deliver {
  let transport: Promise<Transporter> | undefined;
  return async (mail) => {
    transport ??= connectTo(url);
    await (await transport).sendMail(messageOf(mail, from)).catch((error: unknown) => {
      throw isFinal(error) ? new Undeliverable("refused for good", { cause: error }) : error;
    });
  };
}

async function connectTo(url: string): Promise<Transporter> {
  const { createTransport } = await import("nodemailer");
  return createTransport({
    url,
    connectionTimeout: PATIENCE,
    greetingTimeout: PATIENCE,
    socketTimeout: PATIENCE,
  });
}

/** An address is handed over as an address, never as text in which a comma would make it two (RFC 5322, 3.4). */
function messageOf({ to, subject, text, html }: Mail, from: string) {
  return {
    from,
    to: { name: "", address: oneLine(to) },
    subject: oneLine(subject),
    text,
    html,
    // Nobody's holiday notice answers it (RFC 3834).
    headers: { "Auto-Submitted": "auto-generated" },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** A header ends at its line. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
}

/** This is no address, or the server does not want to know it; anything else may be better tomorrow. */
function isFinal(error: unknown): boolean {
  const { code, responseCode = 0 } = error as { code?: string; responseCode?: number };
  return code === "EENVELOPE" && (responseCode === 0 || responseCode >= 500);
}
