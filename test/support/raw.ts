/** A connection without manners: bytes go out as they are, bytes come back as they are. */
import { connect } from "node:net";

/** Sends bytes and gives everything that came back until the server closed, or until `until` was seen. */
export function exchange(issuer: string, bytes: string | Uint8Array, until = /$^/): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(Number(new URL(issuer).port), "127.0.0.1", () => socket.write(bytes));
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      answer += chunk;
      if (until.test(answer)) socket.destroy();
    });
    socket.once("close", () => resolve(answer));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      // A server that hangs up while we still send has answered before.
      if (error.code !== "ECONNRESET" && error.code !== "EPIPE") reject(error);
    });
  });
}

/** The status of a raw answer; 0 when there was none. */
export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 0);
}
