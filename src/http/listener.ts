/** A port that is listened on, and how it is left: running requests end, nothing new begins. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

/** Slow and oversized requests end early. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 5_000,
  maxHeaderSize: 16 * 1024,
  connectionsCheckingInterval: 1_000,
};

export interface Listener {
  readonly port: number;
  /** Resolves when the last running request has been answered. */
  close(): Promise<void>;
}

/** Listens; rejects with what the operating system says, `EADDRINUSE` for one. */
export async function listen(handler: RequestListener, port: number, host: string): Promise<Listener> {
  let closing = false;
  const server = createServer(LIMITS, (request, response) => {
    // A connection that is kept would keep the process.
    if (closing) response.setHeader("connection", "close");
    else response.once("close", () => closing && server.closeIdleConnections());
    handler(request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        closing = true;
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}
