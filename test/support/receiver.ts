/** An app's address for logout tokens (OpenID Connect Back-Channel Logout 1.0, section 2.5), and what came there. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface Receiver {
  readonly url: string;
  /** The logout tokens, in their order. */
  readonly told: string[];
  close(): void;
}

/** Opens it; on a free port, or on one that somebody was told of before. */
export async function logoutReceiver(at = 0): Promise<Receiver> {
  const told: string[] = [];
  const server = createServer(async (request, response) => {
    told.push(new URLSearchParams(await text(request)).get("logout_token") ?? "");
    response.end();
  }).listen(at, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://localhost:${port}/backchannel`, told, close: () => void server.close() };
}
