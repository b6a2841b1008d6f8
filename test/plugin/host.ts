/** An app that has had an `oidc-provider` with users and passwords for years, and now mounts the plugin. */
import { randomUUID } from "node:crypto";
import { createServer, type RequestListener, type Server } from "node:http";
import express from "express";
import Fastify from "fastify";
import Koa, { type Context, type Middleware } from "koa";
import Provider, { type Configuration } from "oidc-provider";
import { type Passkeys, type PasskeysOptions, passkeys } from "../../src/plugin/passkeys.ts";
import type { Store } from "../../src/store/store.ts";
import type { SoftwareAuthenticator } from "../../src/testing.ts";
import { Browser } from "../support/browser.ts";
import { freePort } from "../support/redis.ts";
import { RelyingParty } from "../support/relying-party.ts";

export interface User {
  id: string;
  login: string;
  password: string | null;
  name: string;
  email: string;
}

/** A users table with its queries, and what was asked of it. */
export class Users {
  readonly rows: User[];
  readonly asked: string[] = [];
  /** What `dropPassword` does instead of erasing. */
  dropping: ((id: string) => unknown) | undefined;

  constructor(...rows: User[]) {
    this.rows = rows;
  }

  row(id: string): User | undefined {
    return this.rows.find((user) => user.id === id);
  }

  readonly directory = {
    find: async (id: string) => {
      const user = this.row(id);
      return (
        user && {
          accountId: id,
          claims: () => ({ sub: id, name: user.name, email: user.email, preferred_username: user.login }),
        }
      );
    },
  };

  readonly signUp = {
    create: async ({ name = "", email = "" }: { name?: string; email?: string }) => {
      const id = randomUUID();
      this.rows.push({ id, login: email, password: null, name, email });
      return id;
    },
  };

  readonly passwords = {
    findByLogin: async (text: string) => this.rows.find(({ login }) => login === text)?.id,
    verifyPassword: async (id: string, password: string) => {
      this.asked.push(`verify ${id}`);
      return this.row(id)?.password === password;
    },
    dropPassword: async (id: string) => {
      this.asked.push(`drop ${id}`);
      if (this.dropping) return this.dropping(id);
      const user = this.row(id);
      if (user) user.password = null;
    },
    countPasswords: async () => this.rows.filter(({ password }) => password !== null).length,
  };
}

export const jane = (): User => ({
  id: "42",
  login: "jane",
  password: "correct horse",
  name: "Jane Doe",
  email: "jane@example.com",
});

export interface Host {
  issuer: string;
  keys: Passkeys;
  provider: Provider;
  users: Users;
  log: string[];
  browser(authenticator?: SoftwareAuthenticator): Browser;
  app(): Promise<RelyingParty>;
  stop(): Promise<void>;
}

/** How a host puts its provider into its application. */
export type Mounting = (o: {
  provider: Provider;
  path: string;
}) => RequestListener | Promise<RequestListener>;

/** The routes that a host has besides. */
const OTHER = "the host's own page";

/** What `koa-mount` does. */
export function mountKoa(path: string, provider: Provider): Middleware {
  const app = provider as unknown as { compose(all: Middleware[]): Middleware; middleware: Middleware[] };
  const inner = app.compose(app.middleware);
  return async (ctx, next) => {
    const { path: before } = ctx;
    if (before !== path && !before.startsWith(`${path}/`)) return next();
    Object.assign(ctx, { mountPath: path, path: before.slice(path.length) || "/" });
    await inner(ctx, async () => {
      ctx.path = before;
      await next();
    });
    ctx.path = before;
  };
}

const own = (ctx: Context) => {
  ctx.set("x-host", "yes");
  ctx.body = OTHER;
};

export const mountings: Record<string, Mounting> = {
  "Koa alone": ({ provider }) => provider.callback(),
  "Koa, the provider at the root": ({ provider }) => {
    const app = new Koa();
    app.keys = (provider as unknown as { keys: string[] }).keys;
    app.use(mountKoa("", provider));
    app.use(own);
    return app.callback();
  },
  "Koa, the provider under a path": ({ provider, path }) => {
    const app = new Koa();
    app.keys = (provider as unknown as { keys: string[] }).keys;
    app.use(mountKoa(path, provider));
    app.use(own);
    return app.callback();
  },
  "Express 5 with a body parser": ({ provider }) => {
    const app = express();
    app.use(express.json(), express.urlencoded({ extended: true }));
    app.get("/elsewhere", (_req, res) => void res.set("x-host", "yes").send(OTHER));
    app.use(provider.callback());
    return app;
  },
  "Express 5, the provider under a path": ({ provider, path }) => {
    const app = express();
    app.use(path, provider.callback());
    app.use((_req, res) => void res.set("x-host", "yes").send(OTHER));
    return app;
  },
  "Fastify 5": async ({ provider }) => {
    const app = Fastify();
    app.get("/elsewhere", (_request, reply) => reply.header("x-host", "yes").send(OTHER));
    const handler = provider.callback();
    await app.register(async (inside) => {
      // The provider reads bodies itself.
      inside.removeAllContentTypeParsers();
      inside.addContentTypeParser("*", (_request, _payload, done) => done(null));
      inside.all("/*", (request, reply) => {
        reply.hijack();
        void handler(request.raw, reply.raw);
      });
    });
    await app.ready();
    return (req, res) => app.routing(req, res);
  },
};

/** Under a path: what the hand-over of any other framework does, see the guide. */
mountings["Fastify 5, the provider under a path"] = async ({ provider, path }) => {
  const app = Fastify();
  app.get("/elsewhere", (_request, reply) => reply.header("x-host", "yes").send(OTHER));
  const handler = provider.callback();
  await app.register(async (inside) => {
    inside.removeAllContentTypeParsers();
    inside.addContentTypeParser("*", (_request, _payload, done) => done(null));
    inside.all(`${path}/*`, ({ raw }, reply) => {
      reply.hijack();
      const { url = "" } = raw;
      Object.assign(raw, { originalUrl: url, url: url.slice(path.length) });
      void handler(raw, reply.raw);
    });
  });
  await app.ready();
  return (req, res) => app.routing(req, res);
};

export interface HostOptions {
  store: Store;
  users?: Users;
  mounting?: Mounting;
  options?: Partial<PasskeysOptions>;
  configuration?: Configuration;
  path?: string;
  /** Is given the provider before it is mounted. */
  before?: (provider: Provider) => void;
}

/** What the library says about a host that keeps its defaults is the host's business. */
for (const level of ["info", "warn"] as const) {
  const say = console[level];
  console[level] = (...words) => void (/^\S*oidc-provider /.test(String(words[0])) || say(...words));
}

const CLIENT = "wiki";
const SECRET = "wiki-secret-wiki-secret-wiki-secret";
export const REDIRECT_URI = "http://localhost:1/cb";

/** What every host here has configured for years. */
export const configured = (): Configuration => ({
  cookies: { keys: ["the cookie key that this host has had for years"] },
  claims: { profile: ["name", "preferred_username"], email: ["email"] },
  features: { devInteractions: { enabled: false } },
  clients: [{ client_id: CLIENT, client_secret: SECRET, redirect_uris: [REDIRECT_URI], client_name: "Wiki" }],
  pkce: { required: () => true },
});

export async function startHost({
  store,
  users = new Users(jane()),
  mounting = mountings["Koa alone"] as Mounting,
  options = {},
  configuration = {},
  path = "",
  before,
}: HostOptions): Promise<Host> {
  const port = await freePort();
  const issuer = `http://localhost:${port}${path}`;
  const log: string[] = [];
  const say = (level: string) => (fields: object, message: string) =>
    void log.push(
      JSON.stringify({ level, message, ...fields, error: String((fields as { err?: unknown }).err) }),
    );
  const keys = passkeys({
    issuer,
    store,
    accounts: { ...users.directory, ...users.signUp, ...users.passwords },
    log: { debug() {}, info: say("info"), warn: say("warn"), error: say("error") },
    ...options,
  });
  const provider = new Provider(issuer, keys.configuration({ ...configured(), ...configuration }));
  before?.(provider);
  keys.mount(provider);
  const server = createServer(await mounting({ provider, path }));
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    issuer,
    keys,
    provider,
    users,
    log,
    browser: (authenticator) => new Browser(new URL(issuer).origin, authenticator),
    app: () => RelyingParty.known(issuer, CLIENT, SECRET, REDIRECT_URI),
    async stop() {
      await keys.close();
      await closed(server);
    },
  };
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
