import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { type Assets, loadAssets } from "../../src/view/assets.ts";
import { createRenderer } from "../../src/view/render.ts";
import { buildAssets } from "../browser/site.ts";
import { samples } from "./samples.ts";

// Document, stylesheet and script of the sign-in page, compressed: 12 kB in all.
const BUDGET = 12_000;

describe("loadAssets", () => {
  const scripts = mkdtempSync(join(tmpdir(), "latchkey-assets-"));
  const script = join(scripts, "latchkey.js");
  for (const name of ["latchkey.js", "account.js"]) writeFileSync(join(scripts, name), "void 0;\n");
  const assets = loadAssets({ scripts });

  it("names each file by its content", () => {
    expect(assets.css).toMatch(/^\/assets\/latchkey\.[\w-]{12}\.css$/);
    expect(assets.js).toMatch(/^\/assets\/latchkey\.[\w-]{12}\.js$/);
    expect(assets.icon).toMatch(/^data:image\/svg\+xml;base64,/);
    writeFileSync(script, "void 1;\n");
    const changed = loadAssets({ scripts });
    expect(changed.css).toBe(assets.css);
    expect(changed.js).not.toBe(assets.js);
  });

  it("holds each file once plain and twice compressed, with its type and tag", async () => {
    for (const path of [assets.css, assets.js, assets.account.css, assets.account.js]) {
      const asset = assets.find(path)!;
      expect(gunzipSync(await asset.gzip())).toEqual(asset.body);
      expect(brotliDecompressSync(await asset.br())).toEqual(asset.body);
      expect(asset.etag).toMatch(/^"[\w-]{12}"$/);
      expect(asset.type).toMatch(/^(text\/(css|javascript)|image\/svg\+xml); charset=utf-8$/);
    }
  });

  it("finds nothing else", () => {
    const others = ["/assets/latchkey.css", "/assets/../package.json", "__proto__", "", `${assets.css}?x`];
    expect(others.filter((path) => assets.find(path) !== undefined)).toEqual([]);
  });

  it("takes an overlay's stylesheet, made smaller without changing it", () => {
    const overlay = mkdtempSync(join(tmpdir(), "latchkey-theme-"));
    const source = `/* theme */\na > b :hover , i { content: "a ; /* b */ { }" ; color : red ; }\n\n@media (min-width: 1px) and (x: y) { p { margin: calc(1px + 2px) } }`;
    writeFileSync(join(overlay, "latchkey.css"), source);
    const themed = loadAssets({ scripts, overlay });
    expect(themed.find(themed.css)?.body.toString()).toBe(
      'a > b :hover,i{content:"a ; /* b */ { }";color :red}@media (min-width:1px) and (x:y){p{margin:calc(1px + 2px)}}',
    );
    expect(themed.icon).toBe(assets.icon);
  });
});

describe("the sign-in page", () => {
  let assets: Assets;

  beforeAll(async () => {
    assets = await buildAssets();
  });

  it.each(["en", "de"])("weighs at most 12 kB in all, compressed, in %s", async (locale) => {
    const { view, model } = samples[0]!;
    const document = createRenderer({ assets }).render(view, model, { locale });
    const [css, js] = [assets.find(assets.css)!, assets.find(assets.js)!];
    const gzip = gzipSync(document).length + (await css.gzip()).length + (await js.gzip()).length;
    const br = brotliCompressSync(document).length + (await css.br()).length + (await js.br()).length;
    console.log(`${view} (${locale}): ${gzip} bytes by gzip, ${br} by br`);
    expect(gzip).toBeLessThanOrEqual(BUDGET);
    expect(br).toBeLessThanOrEqual(BUDGET);
  });
});
