/** P7: what the sign-in page weighs on the wire, and that nothing else is fetched before the prompt can appear. */
import { existsSync } from "node:fs";
import { exchange } from "../client/browser.js";
import { newBrowser } from "../client/latchkey.js";

const accept = { "accept-encoding": "gzip, deflate, br" };

/** @returns the files of the page with their bytes as sent, and what a real browser fetched (if there is one here) */
export async function measurePage({ agent, app }) {
  const browser = newBrowser(agent, app);
  const page = new URL((await browser.get(app.ask().url)).headers.location, app.issuer);
  const document = await browser.get(page, accept);
  const plain = (await browser.get(page)).body;
  const files = [fileOf("document", page.pathname.replace(/[^/]+$/, ":uid"), document)];
  for (const { kind, path } of linked(plain)) {
    files.push(fileOf(kind, path, await exchange(agent, new URL(path, app.issuer), { headers: accept })));
  }
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  return { files, total, fetched: await fetchedByChromium(app.ask().url.href) };
}

function fileOf(kind, path, { status, headers, bytes }) {
  if (status !== 200) throw new Error(`${path}: ${status}`);
  return { kind, path, bytes: bytes.length, encoding: headers["content-encoding"] ?? "none" };
}

/** Everything that a browser fetches because the document says so. */
function linked(html) {
  const found = [];
  for (const [tag, name] of html.matchAll(
    /<(link|script|img|source|iframe|video|audio|object|embed)\b[^>]*>/g,
  )) {
    const path = tag.match(/\b(?:href|src|data)="([^"]+)"/)?.[1];
    const rel = tag.match(/\brel="([^"]+)"/)?.[1] ?? "";
    if (!path || path.startsWith("data:")) continue;
    if (name === "link" && !/stylesheet|icon|preload|modulepreload|manifest/.test(rel)) continue;
    found.push({ kind: name === "link" ? rel : name, path });
  }
  return found;
}

/** The paths that headless Chromium asks for until the page is idle; `undefined` where there is no Chromium. */
async function fetchedByChromium(url) {
  const executablePath = process.env.LATCHKEY_BENCH_CHROMIUM ?? "/usr/bin/chromium";
  if (!existsSync(executablePath)) return undefined;
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const tab = await browser.newPage();
    const fetched = [];
    tab.on("requestfinished", (request) => fetched.push(request));
    await tab.goto(url, { waitUntil: "networkidle" });
    const answered = fetched.filter((request) => !request.redirectedTo());
    return answered.map((request) => `${request.resourceType()} ${new URL(request.url()).pathname}`);
  } finally {
    await browser.close();
  }
}
