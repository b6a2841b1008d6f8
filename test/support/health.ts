/** Health checks of containers, run as the engine would run them. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";
import { startProgram } from "./program.ts";

/** Runs a health check against a server that is well, one that is not, and none. */
export async function checkHealth(command: string, args: string[], path: string): Promise<void> {
  let status = 200;
  const server = createServer((request, answer) => {
    answer.writeHead(request.url === path ? status : 500).end();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const port = String((server.address() as AddressInfo).port);
  const own = args.map((arg) => arg.replace(":3000/", `:${port}/`));
  const outcome = () => startProgram(command, own, { env: { LATCHKEY_PORT: port } }).ended;
  expect(await outcome()).toBe(0);
  status = 503;
  expect(await outcome()).toBe(1);
  server.close();
  expect(await outcome()).toBe(1);
}
