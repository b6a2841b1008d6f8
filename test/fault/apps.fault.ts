/**
 * F21: apps that cannot be told about a sign-out, each in its own way. The pauses are the real ones, so this takes a
 * minute and a half. How much is tried again, and what the end of a server does with it: `test/oidc/retries.test.ts`.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { describe, expect, test, vi } from "vitest";
import { type Running, startInstallation } from "../support/installation.ts";
import { freePort } from "../support/redis.ts";
import { stores } from "../support/stores.ts";

/** What a person waits for at most. */
const LOGOUT = 5_000;
const GIVEN_UP = "an app could not be told about a sign-out";

/** An app of the back channel; `told` has each token that was posted, whatever came of it. */
interface Ill {
  name: string;
  port: number;
  told: { token: string; at: number }[];
  /** Connections that are open. */
  open(): number;
  close(): void;
}

type Reply = (response: ServerResponse, attempt: number) => void;

const replies: Record<string, Reply> = {
  living: (response) => void response.end(),
  broken: (response) => void response.writeHead(500).end(),
  silent: () => {},
  endless: (response) => {
    response.writeHead(200);
    const more = setInterval(() => response.write("x".repeat(10_000)), 5);
    response.once("close", () => clearInterval(more));
  },
  recovering: (response, attempt) => void response.writeHead(attempt < 3 ? 503 : 204).end(),
};

async function startApp(name: string, reply: Reply): Promise<Ill> {
  const told: Ill["told"] = [];
  const sockets = new Set<unknown>();
  const server: Server = createServer(async (request, response) => {
    const token = new URLSearchParams(await bodyOf(request)).get("logout_token") ?? "";
    told.push({ token, at: Date.now() });
    reply(response, told.length);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "localhost");
  await once(server, "listening");
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { name, port: (server.address() as AddressInfo).port, told, open: () => sockets.size, close };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const ways: [string, (person: ReturnType<Running["browser"]>) => Promise<number>][] = [
  ["our page", async (person) => (await person.submit("/account/sign-out")).status],
  [
    "an app's request",
    async (person) => {
      const page = await person.open("/session/end");
      const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)?.[1] ?? "";
      return (await person.submit("/session/end/confirm", { xsrf, logout: "yes" })).status;
    },
  ],
];

describe.each(stores)("F21 signing out over $name", (kind) => {
  test.each(ways)(
    "by %s is done in time whatever ails the apps, and those are told again, three times at most",
    async (way, signOut) => {
      const running = await startInstallation(kind);
      const apps = await Promise.all(Object.entries(replies).map(([name, reply]) => startApp(name, reply)));
      const [living, broken, silent, endless, recovering] = apps as [Ill, Ill, Ill, Ill, Ill];
      const dead = await freePort();
      try {
        const parties = await Promise.all(
          [dead, ...apps.map(({ port }) => port)].map((port) =>
            running.app({ name: `App ${port}`, backchannelLogoutUri: `http://localhost:${port}/out` }),
          ),
        );
        const person = running.browser();
        const [first] = parties;
        const { sub } = (await first?.signUp(person, { username: "jane" }))?.idToken ?? {};
        for (const party of parties.slice(1)) await party.signIn(person);
        const began = performance.now();
        expect(await signOut(person)).toBe(200);
        const took = Math.round(performance.now() - began);
        expect(took).toBeLessThan(LOGOUT);
        expect((await person.request("/account")).status).toBe(303);
        expect(living.told.map(({ token }) => decodeJwt(token).sub)).toEqual([sub]);
        // Nothing of it is in the way of the next, and nothing is said of it yet.
        await first?.signIn(running.browser(person.authenticator));
        expect(said(running, GIVEN_UP)).toEqual([]);

        const ofClient = (port: number) =>
          parties[[dead, ...apps.map((app) => app.port)].indexOf(port)]?.client.client_id;
        await vi.waitUntil(() => said(running, GIVEN_UP).length === 3, { timeout: 150_000, interval: 100 });
        const lines = said(running, GIVEN_UP);
        expect(lines.map(({ client }) => client).sort()).toEqual(
          [dead, broken.port, silent.port].map(ofClient).sort(),
        );
        expect(lines.map(({ reason }) => reason)).toEqual(Array(3).fill("it failed four times"));
        expect(apps.map(({ name, told }) => [name, told.length])).toEqual([
          ["living", 1],
          ["broken", 4],
          ["silent", 4],
          // It said 200, and nobody reads on.
          ["endless", 1],
          ["recovering", 3],
        ]);
        await vi.waitUntil(() => endless.open() === 0 && silent.open() === 0, { timeout: 30_000 });
        for (const app of apps) await areValid(running, app, String(ofClient(app.port)));
        const pauses = broken.told
          .slice(1)
          .map(({ at }, i) => Math.round((at - (broken.told[i]?.at ?? 0)) / 1000));
        process.stdout.write(
          `F21 ${kind.name}, ${way}: signed out of six apps in ${took} ms; told again after ${pauses.join(", ")} s\n`,
        );
        expect(recovering.told).toHaveLength(3);
      } finally {
        await running.stop();
        for (const app of apps) app.close();
      }
    },
  );
});

/** Each token is a new one, was good at the moment in which it came, and names the same session. */
async function areValid({ issuer }: Running, { told }: Ill, audience: string): Promise<void> {
  const keys = createRemoteJWKSet(new URL("/jwks", issuer));
  const claims = await Promise.all(
    told.map(async ({ token, at }) => {
      const options = { issuer, audience, typ: "logout+jwt", currentDate: new Date(at), maxTokenAge: 3 };
      return (await jwtVerify(token, keys, options)).payload;
    }),
  );
  expect(new Set(claims.map(({ jti }) => jti)).size).toBe(claims.length);
  expect(new Set(claims.map(({ sid }) => sid)).size).toBe(1);
  expect(claims[0]?.sid).toEqual(expect.any(String));
}

function said({ log }: Running, message: string): Record<string, unknown>[] {
  return log.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === message);
}
