/** A second process of the same provider: `latchkey serve` on the same data, behind another port. */
import { spawnSync } from "node:child_process";
import { request } from "node:http";
import { fileURLToPath } from "node:url";
import { SECRET } from "./installation.ts";
import { logLine, startProgram } from "./program.ts";
import { freePort } from "./redis.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Twin {
  /** Posts a form to the other process, which answers for the issuer's host. */
  post(
    path: string,
    form: URLSearchParams | string,
    headers?: Record<string, string>,
  ): Promise<{ status: number; text: string }>;
  stop(): Promise<void>;
}

/** Starts it from the built program, building that first where the sources are newer. */
export async function startTwin(issuer: string, store: string): Promise<Twin> {
  spawnSync(process.execPath, ["build.js"], { cwd: root });
  const port = await freePort();
  const env = {
    LATCHKEY_ISSUER: issuer,
    LATCHKEY_PORT: String(port),
    LATCHKEY_STORE: store,
    LATCHKEY_SECRET: SECRET,
    LATCHKEY_LOG_FORMAT: "json",
  };
  const program = startProgram(process.execPath, ["dist/cli.js", "serve"], { env });
  await program.line(logLine("listening"));
  return {
    post: (path, form, headers = {}) => post(port, new URL(issuer).host, path, String(form), headers),
    async stop() {
      program.signal("SIGTERM");
      await program.ended;
    },
  };
}

function post(port: number, host: string, path: string, body: string, extra: Record<string, string>) {
  const headers = {
    host,
    "content-type": "application/x-www-form-urlencoded",
    ...extra,
    "content-length": Buffer.byteLength(body),
  };
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, method: "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text })).on("error", reject);
    });
    sent.on("error", reject).end(body);
  });
}
