/** A sign-in page and words of the host's own, in Koa and in Express, at the root and under a path. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Passkeys, SignInPage } from "../../src/plugin/passkeys.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { type Host, type Mounting, mountings, startHost } from "./host.ts";

const own = (page: SignInPage) =>
  `<h1>Welcome to ${page.app.name}</h1><form data-ceremony="${page.ceremony}" data-action="${page.action}" data-options="${JSON.stringify(page.options).replaceAll('"', "&quot;")}"></form>`;

const kinds = (["", "/oidc"] as const).flatMap((path) =>
  (["Koa", "Express"] as const).map((framework) => ({ framework, path })),
);

describe.each(kinds)("$framework with the provider at '$path'", ({ framework, path }) => {
  let store: OpenStore;
  let host: Host;
  let views: string;

  beforeEach(async () => {
    store = await (stores[0] as (typeof stores)[number]).open();
    views = mkdtempSync(join(tmpdir(), "latchkey-views-"));
  });
  afterEach(async () => {
    await host.stop();
    await store.close();
    rmSync(views, { recursive: true, force: true });
  });

  const plain = mountings[
    framework === "Koa"
      ? path === ""
        ? "Koa, the provider at the root"
        : "Koa, the provider under a path"
      : path === ""
        ? "Express 5 with a body parser"
        : "Express 5, the provider under a path"
  ] as Mounting;

  it("signs in on the host's own page", async () => {
    let keys: Passkeys | undefined;
    const inKoa = framework === "Koa";
    host = await startHost({
      store: store.store,
      path,
      mounting: async (o) => {
        if (inKoa) return plain(o);
        const app = express();
        app.get(`${path}/interaction/:uid`, async (req, res, next) => {
          const page = await keys?.handlers.signIn(req, res);
          return page ? void res.set("cache-control", "no-store").send(own(page)) : next();
        });
        app.use(await plain(o));
        return app;
      },
      before: (provider) => {
        if (!inKoa) return;
        provider.use(async (ctx, next) => {
          const asked = /^\/interaction\/[\w-]+$/.test(ctx.path);
          const page = asked ? await keys?.handlers.signIn(ctx.req, ctx.res) : undefined;
          if (!page) return next();
          ctx.body = own(page);
        });
      },
      options: { firstParty: () => true },
    });
    keys = host.keys;
    const app = await host.app();
    const jane = host.browser();
    await jane.complete(await jane.open(`${path}/sign-up`), { name: "Jane", email: "j@example.com" });
    const again = host.browser(jane.authenticator);
    const request = await app.request({ scope: "openid" });
    const page = await again.open(request.url);
    expect(page.text).toContain("<h1>Welcome to Wiki</h1>");
    const { idToken } = await app.tokens(request, await again.complete(page));
    expect(idToken).toMatchObject({ acr: "phr", sub: host.users.rows.at(-1)?.id });
    // What is no sign-in is ours still.
    const create = await app.request({ prompt: "create" });
    expect((await host.browser().open(create.url)).text).toContain("Create your account");
  });

  it("has the host's words and templates, and ours where it has none", async () => {
    mkdirSync(join(views, "copy"));
    mkdirSync(join(views, "partials"));
    writeFileSync(join(views, "copy/en.json"), JSON.stringify({ signin: { heading: "Come in" } }));
    writeFileSync(join(views, "partials/logo.eta"), "<b>the host's own mark</b>");
    host = await startHost({ store: store.store, path, mounting: plain, options: { views } });
    const { text } = await host.browser().open(`${path}/sign-in`);
    expect(text).toMatch(/<h1[^>]*>Come in</);
    expect(text).toContain("Sign in with a passkey");
    const other = await host.browser().open(`${path}/about/passkeys`);
    expect(other.status).toBe(200);
    expect(text + other.text).toContain("the host's own mark");
  });
});
