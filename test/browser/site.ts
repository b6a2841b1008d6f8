/** A tiny site for the browser tests: our pages and assets under our policy, and answers that the test scripts. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect } from "vitest";
import { type Assets, loadAssets } from "../../src/view/assets.ts";
import type { ViewModels, ViewName } from "../../src/view/models.ts";
import { createRenderer, type Renderer } from "../../src/view/render.ts";

/** Waits until the assertion holds; a busy machine may take its time. */
export function eventually<T>(value: () => T | Promise<T>): ReturnType<typeof expect.poll> {
  return expect.poll(value, { timeout: 10_000 });
}

/** What `src/http/entrance/headers.ts` promises; a page that needs more than this is broken. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export interface SiteRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  /** The parsed JSON body of a POST. */
  body: Record<string, unknown>;
}

/** `drop` closes the connection without an answer. */
export type SiteReply =
  | { status?: number; html: string }
  | { status?: number; json: object }
  | { redirect: string }
  | { drop: true };

export interface Site {
  readonly origin: string;
  readonly renderer: Renderer;
  readonly assets: Assets;
  /** All requests but those for assets. */
  readonly requests: SiteRequest[];
  /** Answers everything but assets. */
  answer: (request: SiteRequest) => SiteReply;
  page<K extends ViewName>(name: K, model: ViewModels[K], locale?: string): SiteReply;
  posts(): SiteRequest[];
  close(): Promise<void>;
}

const source = (name: string) => fileURLToPath(new URL(`../../src/browser/${name}.ts`, import.meta.url));

/** The client scripts as they are in the sources, so that a test never runs an older build. */
export async function buildAssets(): Promise<Assets> {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-script-"));
  await build({
    entryPoints: { latchkey: source("main"), account: source("account") },
    outdir: folder,
    bundle: true,
    minify: true,
    format: "iife",
    target: ["es2022"],
    legalComments: "none",
    logLevel: "warning",
  });
  const assets = loadAssets({ scripts: folder });
  await rm(folder, { recursive: true });
  return assets;
}

/** Starts the site on a free port of `localhost`. */
export async function openSite(): Promise<Site> {
  const assets = await buildAssets();
  const renderer = createRenderer({ assets });
  const requests: SiteRequest[] = [];
  const server = createServer(async (request, response) => {
    const { pathname: path, searchParams: query } = new URL(request.url ?? "/", "http://localhost");
    const asset = assets.find(path);
    if (asset) return response.writeHead(200, { "content-type": asset.type }).end(asset.body);
    const received = {
      method: request.method ?? "",
      path,
      query,
      headers: request.headers,
      body: await readBody(request),
    };
    requests.push(received);
    const reply = site.answer(received);
    if ("drop" in reply) return response.destroy();
    if ("redirect" in reply) return response.writeHead(303, { location: reply.redirect }).end();
    const type = "html" in reply ? "text/html; charset=utf-8" : "application/json";
    response.writeHead(reply.status ?? 200, { "content-type": type, "content-security-policy": POLICY });
    response.end("html" in reply ? reply.html : JSON.stringify(reply.json));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const site: Site = {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    renderer,
    assets,
    requests,
    answer: () => ({ status: 404, html: "" }),
    page: (name, model, locale = "en") => ({ html: renderer.render(name, model, { locale }) }),
    posts: () => requests.filter(({ method }) => method === "POST"),
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
  return site;
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return text.startsWith("{") ? JSON.parse(text) : {};
}
