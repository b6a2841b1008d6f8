/**
 * A proxy before Redis that holds every reply back for a while. What a request waited for, one thing after another, is
 * then its duration divided by that delay: counted on the wire, whatever the server does inside.
 */

import { once } from "node:events";
import { connect, createServer } from "node:net";

/** @returns a proxy with its port, the delay it applies from now on, and the commands seen since the last `take()` */
export async function startDelayProxy(port) {
  const proxy = { delay: 0, commands: [] };
  const sockets = new Set();
  const server = createServer((incoming) => {
    const outgoing = connect(port, "127.0.0.1");
    for (const socket of [incoming, outgoing]) {
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      sockets.add(socket);
    }
    incoming.on("data", (chunk) => {
      proxy.commands.push(...commandNames(chunk));
      outgoing.write(chunk);
    });
    // One after another, also where the delay has just become shorter: a reply that overtakes is somebody else's.
    let last = Promise.resolve();
    outgoing.on("data", (chunk) => {
      const due = performance.now() + proxy.delay;
      last = last.then(() => until(due)).then(() => void incoming.write(chunk));
    });
    incoming.once("close", () => outgoing.destroy());
    outgoing.once("close", () => incoming.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return Object.assign(proxy, {
    url: `redis://127.0.0.1:${server.address().port}`,
    stop,
    take: () => proxy.commands.splice(0),
  });
}

function until(due) {
  const left = due - performance.now();
  return left > 0 ? new Promise((resolve) => setTimeout(resolve, left)) : undefined;
}

/** The commands of a chunk, each with the kind of the key it is about: `GET session`. */
function commandNames(chunk) {
  const names = [];
  for (const [, name, rest] of chunk
    .toString("latin1")
    .matchAll(/\*\d+\r\n\$\d+\r\n([A-Za-z]+)\r\n((?:\$\d+\r\n[^\r]*\r\n){0,3})/g)) {
    const words = rest.split("\r\n").filter((_, index) => index % 2 === 1);
    const command = name.toUpperCase();
    const key = command.startsWith("EVAL") ? words[2] : words[0];
    names.push(`${command} ${(key ?? "").split(":").slice(0, -1).join(":") || "-"}`);
  }
  return names;
}
