/** When the certificates end, with which we and Redis show each other who we are: for `latchkey doctor`. */
import { X509Certificate } from "node:crypto";
import { connect, type TLSSocket } from "node:tls";
import type { Redis } from "ioredis";
import { doubtful, type Finding, found, wrong } from "../finding.ts";
import type { Millis } from "../store.ts";
import type { RedisAddress, Tls } from "./address.ts";
import { nameOf } from "./connections.ts";

const DAY: Millis = 86_400_000;
/** Days before its end in which a certificate is to be renewed. */
const RENEW = 14;
/** How long a server may take to show its certificate. */
const PATIENCE: Millis = 2_000;
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Those of servers that we are connected to, and those of our own files. */
export function certificates({ tls }: RedisAddress, servers: Redis[]): Finding[] {
  if (!tls) return [];
  const theirs = servers.flatMap((server) => {
    const until = endOf(server.stream as TLSSocket);
    return until === undefined ? [] : [dated(ofRedis(nameOf(server)), until)];
  });
  return [...theirs, ...inFiles(tls)];
}

/** Those that have ended, of servers that cannot be connected to: perhaps that is why. */
export async function endedCertificates({ tls, hosts }: RedisAddress): Promise<Finding[]> {
  if (!tls) return [];
  const shown = await Promise.all(
    hosts.map(async ({ host, port }) => {
      const until = await shownBy(host, port, tls);
      return until === undefined ? [] : [dated(ofRedis(`${host}:${port}`), until)];
    }),
  );
  return [...shown.flat(), ...inFiles(tls)].filter(({ ok, level }) => !ok && level === "error");
}

/** Of a file with several the first that ends. */
function inFiles({ cert, ca }: Tls): Finding[] {
  const first = (pem: string) =>
    (pem.match(PEM) ?? [])
      .map((one) => new X509Certificate(one).validTo)
      .sort((a, b) => Date.parse(a) - Date.parse(b))
      .slice(0, 1);
  return [
    ...first(cert ?? "").map((until) => dated("that we show to Redis", until)),
    ...first(ca ?? "").map((until) => dated("of the authority", until)),
  ];
}

const ofRedis = (name: string) => `of Redis (${name})`;

function dated(whose: string, until: string): Finding {
  const days = Math.floor((Date.parse(until) - Date.now()) / DAY);
  const message = `the certificate ${whose} ends in ${days} days`;
  if (days < 0) return wrong("redis certificate", `the certificate ${whose} ended on ${until}`, "Renew it.");
  return days < RENEW
    ? doubtful("redis certificate", message, "Renew it.")
    : found("redis certificate", message);
}

function endOf(socket: TLSSocket): string | undefined {
  return socket.getPeerCertificate?.().valid_to;
}

/** Looks at a certificate and says nothing: whoever shows it is believed nothing else. */
function shownBy(host: string, port: number, { servername, ...own }: Tls): Promise<string | undefined> {
  return new Promise((resolve) => {
    const name = servername === undefined ? {} : { servername };
    const socket = connect({ host, port, ...name, ...own, rejectUnauthorized: false }, () => done());
    socket.setTimeout(PATIENCE, done).once("error", done);
    function done() {
      resolve(endOf(socket));
      socket.destroy();
    }
  });
}
