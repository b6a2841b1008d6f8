/** F21: apps that cannot be told about a sign-out, each in its own way. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { decodeJwt } from "jose";
import { describe, expect, test } from "vitest";
import { startInstallation } from "../support/installation.ts";
import { freePort } from "../support/redis.ts";
import { stores } from "../support/stores.ts";

/** What a person waits for at most. */
const LOGOUT = 5_000;

describe.each(stores)("F21 signing out over $name", (kind) => {
  test("is done in time when apps are dead, silent, broken or endless, and the one that lives is told", async () => {
    const told: string[] = [];
    const servers = await Promise.all([
      listening((_request, response) => void response.writeHead(500).end()),
      // Takes the request and never says anything.
      listening(() => {}),
      listening((_request, response) => {
        response.writeHead(200);
        const more = setInterval(() => response.write("x".repeat(10_000)), 5);
        response.once("close", () => clearInterval(more));
      }),
      listening((request, response) => {
        let body = "";
        request.on("data", (chunk) => {
          body += chunk;
        });
        request.on("end", () => {
          told.push(new URLSearchParams(body).get("logout_token") ?? "");
          response.end();
        });
      }),
    ]);
    const running = await startInstallation(kind);
    try {
      const ports = [await freePort(), ...servers.map((server) => (server.address() as AddressInfo).port)];
      const apps = await Promise.all(
        ports.map((port) =>
          running.app({ name: `App ${port}`, backchannelLogoutUri: `http://localhost:${port}/out` }),
        ),
      );
      const person = running.browser();
      const [first] = apps;
      const { sub } = (await first?.signUp(person, { username: "jane" }))?.idToken ?? {};
      for (const app of apps.slice(1)) await app.signIn(person);
      const began = performance.now();
      const page = await person.submit("/account/sign-out");
      const took = Math.round(performance.now() - began);
      expect(page.status).toBe(200);
      expect(took).toBeLessThan(LOGOUT);
      expect(told.map((token) => decodeJwt(token).sub)).toEqual([sub]);
      expect((await person.request("/account")).status).toBe(303);
      // Nothing of it is in the way of the next.
      await first?.signIn(running.browser(person.authenticator));
      process.stdout.write(`F21 ${kind.name}: signed out of five apps, four of them ill, in ${took} ms\n`);
    } finally {
      await running.stop();
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    }
  });
});

async function listening(answer: Parameters<typeof createServer>[1]): Promise<Server> {
  const server = createServer(answer).listen(0, "localhost");
  await once(server, "listening");
  return server;
}
