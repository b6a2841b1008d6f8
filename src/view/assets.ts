/**
 * Stylesheets, client scripts and the icon: read once at start, named by their content, compressed once.
 *
 * A name that changes with the content may be cached for ever, and every answer costs one map lookup.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

/** One file as it goes to browsers. */
export interface Asset {
  /** `/assets/latchkey.<hash>.css`: may be cached for ever. */
  path: string;
  /** The media type, with its charset. */
  type: string;
  /** A strong entity tag, quotes included (RFC 9110, section 8.8.3). */
  etag: string;
  body: Buffer;
  /** Made for the first who asks: a start has better things to do than to compress what nobody may ask for. */
  gzip(): Promise<Buffer>;
  br(): Promise<Buffer>;
}

/** All assets of this installation. */
export interface Assets {
  /** URLs for the pages. */
  readonly css: string;
  readonly js: string;
  readonly icon: string;
  /** Beside the others on the owner's pages, and only there. */
  readonly account: { readonly css: string; readonly js: string };
  /** The asset at a path, or undefined. */
  find(path: string): Asset | undefined;
}

/** Where the assets come from. */
export interface AssetsOptions {
  /** A folder whose files stand in for those of `views/`. */
  overlay?: string;
  /** The folder of the built client scripts; the default is the one that `node build.js` makes. */
  scripts?: string;
}

const views = fileURLToPath(new URL("../../views/", import.meta.url));
const builtScripts = fileURLToPath(new URL("../../dist/browser/", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
};

/** Reads and prepares the assets; throws when a file is missing. */
export function loadAssets(o: AssetsOptions = {}): Assets {
  const style = (name: string) => prepare(name, minifyCss(readFileSync(locate(name, o.overlay), "utf8")));
  const script = (name: string) =>
    prepare(name, readFileSync(join(o.scripts ?? builtScripts, name), "utf8").trim());
  // In the page itself: a file of its own would be one more request on the way to the prompt.
  const icon = dataUrl(readFileSync(locate("latchkey.svg", o.overlay), "utf8").trim());
  const [css, js] = [style("latchkey.css"), script("latchkey.js")];
  const account = { css: style("account.css"), js: script("account.js") };
  const byPath = new Map([css, js, account.css, account.js].map((asset) => [asset.path, asset]));
  return {
    css: css.path,
    js: js.path,
    icon,
    account: { css: account.css.path, js: account.js.path },
    find: (path) => byPath.get(path),
  };
}

function dataUrl(svg: string): string {
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}`;
}

function locate(name: string, overlay: string | undefined): string {
  const own = overlay === undefined ? undefined : join(overlay, name);
  return own !== undefined && existsSync(own) ? own : join(views, name);
}

function prepare(name: string, text: string): Asset {
  const body = Buffer.from(text);
  const hash = createHash("sha256").update(body).digest("base64url").slice(0, 12);
  const extension = extname(name);
  return {
    path: `/assets/${name.slice(0, -extension.length)}.${hash}${extension}`,
    type: TYPES[extension] ?? "application/octet-stream",
    etag: `"${hash}"`,
    body,
    gzip: once(() => promisify(gzip)(body, { level: 9 })),
    br: once(() => promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })),
  };
}

/** The same promise for everybody. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Comments and spare white space go; strings are kept as they are. Spaces before `:` and `(` may be combinators. */
function minifyCss(source: string): string {
  return source
    .split(/("(?:[^"\\]|\\.)*")|\/\*[\s\S]*?\*\//)
    .map((piece = "") =>
      piece.startsWith('"')
        ? piece
        : piece
            .replace(/\s+/g, " ")
            .replace(/ ?([{};,]) ?/g, "$1")
            .replace(/: /g, ":")
            .replaceAll(";}", "}"),
    )
    .join("")
    .trim();
}
