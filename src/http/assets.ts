/** Stylesheet, script and icon: compressed once, cached for ever under a name that changes with the content. */
import type { Context } from "koa";
import { refuse } from "../errors.ts";
import type { Assets } from "../view/assets.ts";

const FOR_EVER = "public, max-age=31536000, immutable";

/** `GET /assets/:file` */
export async function serveAsset(assets: Assets, ctx: Context): Promise<void> {
  const asset = assets.find(ctx.path);
  if (!asset) throw refuse("not_found");
  ctx.set({ "cache-control": FOR_EVER, etag: asset.etag });
  ctx.vary("accept-encoding");
  ctx.type = asset.type;
  ctx.status = 200;
  if (ctx.fresh) {
    ctx.status = 304;
    return;
  }
  const encoding = ctx.acceptsEncodings("br", "gzip", "identity");
  if (encoding === "br" || encoding === "gzip") ctx.set("content-encoding", encoding);
  ctx.body = await (encoding === "br" ? asset.br() : encoding === "gzip" ? asset.gzip() : asset.body);
}
