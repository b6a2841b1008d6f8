/** A port that is listened on, and how it is left: running requests end, nothing new begins. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** Slow and oversized requests end early. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  // Longer than proxies keep theirs, so that the one who closes is never us, in the middle of their next request.
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16 * 1024,
  connectionsCheckingInterval: 1_000,
};

export interface Listener {
  readonly port: number;
  /**
   * Resolves when the last running request has been answered. Until none has come for `linger` milliseconds, new
   * connections are still taken: of those that are on their way somebody else may hold the other end already.
   */
  close(linger?: number): Promise<void>;
}

/** However many still come, the port is left after so long. */
const LONGEST_LINGER = 5_000;

/** Resolves when a number has not changed for `linger` milliseconds. */
async function settled(number: () => number, linger: number): Promise<void> {
  const end = performance.now() + LONGEST_LINGER;
  let before: number;
  do {
    before = number();
    if (linger > 0) await pause(linger);
  } while (number() !== before && performance.now() < end);
}

/** Listens; rejects with what the operating system says, `EADDRINUSE` for one. */
export async function listen(handler: RequestListener, port: number, host: string): Promise<Listener> {
  /** Connections without a request that is being answered; half a request is none. */
  const idle = new Set<Socket>();
  /** Connections that have not brought a request yet. */
  const fresh = new Set<Socket>();
  let closing = false;
  let came = 0;
  const server = createServer(LIMITS, (request, response) => {
    const { socket } = request;
    idle.delete(socket);
    fresh.delete(socket);
    // Not as a header of its own: beside one, Node.js keeps the last of several cookies that are written as a list.
    if (closing) response.shouldKeepAlive = false;
    response.once("close", () => {
      if (closing) socket.destroySoon();
      else if (!socket.destroyed) idle.add(socket);
    });
    handler(request, response);
  });
  server.on("connection", (socket) => {
    came++;
    idle.add(socket);
    fresh.add(socket);
    socket.once("close", () => {
      idle.delete(socket);
      fresh.delete(socket);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close(linger = 0) {
      closing = true;
      for (const socket of idle) if (!fresh.has(socket)) socket.destroy();
      // What nobody has taken when the port is left is cut off by the system; who is busy takes late.
      await settled(() => came, linger);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      if (fresh.size > 0) await settled(() => fresh.size, linger);
      for (const socket of idle) socket.destroy();
      await closed;
    },
  };
}
