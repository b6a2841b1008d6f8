/** A port that is listened on, and how it is left: running requests end, nothing new begins. */
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { performance } from "node:perf_hooks";
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
   * Resolves when the last running request has been answered. For `linger` milliseconds, longer while it is busy, new
   * connections are still taken: of those that are on their way somebody else may hold the other end already.
   */
  close(linger?: number): Promise<void>;
}

/** However busy it is, the port is left after so long. */
const LONGEST_LINGER = 5_000;
/** The part of its time in which a process works that is busy: it takes one connection a turn, and turns are long. */
const BUSY = 0.5;

/** Waits for `linger` milliseconds in which no connection came, or in which there was time to take all that did. */
async function lingerUntilTaken(came: () => number, linger: number): Promise<void> {
  const end = performance.now() + LONGEST_LINGER;
  let before: number;
  let used: ReturnType<typeof performance.eventLoopUtilization>;
  do {
    before = came();
    used = performance.eventLoopUtilization();
    await pause(linger);
  } while (
    came() !== before &&
    performance.eventLoopUtilization(used).utilization > BUSY &&
    performance.now() < end
  );
}

/** How long after its beginning a connection may bring its first request, when the port is left: the other end is busy, too. */
const FIRST_REQUEST = 2_000;

/** Waits for the first requests of connections that began a moment ago; others were opened in case of need. */
async function firstRequests(fresh: ReadonlyMap<unknown, number>): Promise<void> {
  const isYoung = (began: number) => performance.now() - began < FIRST_REQUEST;
  while ([...fresh.values()].some(isYoung)) await pause(50);
}

/** Is told of each answer that is over: of which request, and how long it took. */
export type Over = (response: ServerResponse, asked: { url: string; seconds: number }) => void;

/** Listens; rejects with what the operating system says, `EADDRINUSE` for one. */
export async function listen(
  handler: RequestListener,
  port: number,
  host: string,
  over?: Over,
): Promise<Listener> {
  /** Connections without a request that is being answered; half a request is none. */
  const idle = new Set<Socket>();
  /** Connections that have not brought a request yet. */
  const fresh = new Map<Socket, number>();
  let closing = false;
  let came = 0;
  const server = createServer(LIMITS, (request, response) => {
    // The handler may write another address over the one that was asked for.
    const { socket, url = "" } = request;
    const began = over ? performance.now() : 0;
    idle.delete(socket);
    fresh.delete(socket);
    // Not as a header of its own: beside one, Node.js keeps the last of several cookies that are written as a list.
    if (closing) response.shouldKeepAlive = false;
    response.once("close", () => {
      if (closing) socket.destroySoon();
      else if (!socket.destroyed) idle.add(socket);
      over?.(response, { url, seconds: (performance.now() - began) / 1000 });
    });
    handler(request, response);
  });
  server.on("connection", (socket) => {
    came++;
    idle.add(socket);
    fresh.set(socket, performance.now());
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
      if (linger > 0) await lingerUntilTaken(() => came, linger);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      if (linger > 0) await firstRequests(fresh);
      for (const socket of idle) socket.destroy();
      await closed;
    },
  };
}
