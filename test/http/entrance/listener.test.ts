import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { listen } from "../../../src/http/entrance/listener.ts";

test("F16: an answer that is given while the port is left keeps all its cookies, and closes the connection", async () => {
  const cookies = ["set-cookie", "a=1", "set-cookie", "b=2"];
  const listener = await listen((_, response) => void response.writeHead(200, cookies).end(), 0, "127.0.0.1");
  const ask = async (before: () => void) => {
    const socket = connect(listener.port, "127.0.0.1");
    await once(socket, "connect");
    before();
    socket.end("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    return text(socket);
  };
  const names = (answer: string) => answer.match(/^set-cookie: ./gim);
  expect(names(await ask(() => {}))).toHaveLength(2);
  let left: Promise<void> | undefined;
  const answer = await ask(() => {
    left = listener.close(500);
  });
  expect(names(answer)).toHaveLength(2);
  expect(answer).toMatch(/^connection: close/im);
  await left;
});
