/** A browser without a screen: cookies, redirects, the ceremonies of the pages, and nothing that follows a script. */
import { SoftwareAuthenticator } from "../../src/testing.ts";

export interface Answer {
  status: number;
  url: string;
  headers: Headers;
  text: string;
  /** The body as JSON. */
  json: () => Record<string, unknown>;
}

interface Cookie {
  name: string;
  value: string;
  path: string;
}

/** What a page says about its ceremony. */
export interface Ceremony {
  kind: string;
  action: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read and spoil whatever the options hold
  options: any;
}

export class Browser {
  readonly authenticator: SoftwareAuthenticator;
  readonly issuer: string;
  cookies: Cookie[] = [];
  /** Sent with every request. */
  headers: Record<string, string> = {};
  /** Cookies the server set with attributes, as they came. */
  readonly setCookies: string[] = [];

  constructor(issuer: string, authenticator = new SoftwareAuthenticator()) {
    this.issuer = issuer;
    this.authenticator = authenticator;
  }

  /** One request, no redirect followed. */
  async request(path: string, init: RequestInit = {}): Promise<Answer> {
    const url = new URL(path, this.issuer);
    const cookie = this.cookies
      .filter(
        ({ path }) =>
          url.pathname === path || url.pathname.startsWith(path.endsWith("/") ? path : `${path}/`),
      )
      .map(({ name, value }) => `${name}=${value}`)
      .join("; ");
    const headers = {
      accept: "text/html",
      ...this.headers,
      ...(cookie ? { cookie } : {}),
      ...(init.headers as object),
    };
    const response = await fetch(url, { redirect: "manual", ...init, headers });
    for (const line of response.headers.getSetCookie()) this.#keep(line, url.pathname);
    const text = await response.text();
    return {
      status: response.status,
      url: url.href,
      headers: response.headers,
      text,
      json: () => JSON.parse(text),
    };
  }

  /** A navigation: follows redirects until a page, or until an address that is not the issuer's. */
  async open(path: string, init: RequestInit = {}): Promise<Answer> {
    const beyond = new URL(path, this.issuer);
    if (beyond.origin !== new URL(this.issuer).origin) {
      return { status: 0, url: beyond.href, headers: new Headers(), text: "", json: () => ({}) };
    }
    let answer = await this.request(path, init);
    for (let hop = 0; hop < 10 && answer.status >= 300 && answer.status < 400; hop++) {
      const target = new URL(answer.headers.get("location") ?? "", answer.url);
      if (this.#leaves(target)) return { ...answer, url: target.href };
      answer = await this.request(target.href);
    }
    return answer;
  }

  /** Posts what a page's script posts. */
  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const sent = {
      "content-type": "application/json",
      accept: "application/json",
      origin: this.issuer,
      ...headers,
    };
    return this.request(path, { method: "POST", body: JSON.stringify(body), headers: sent });
  }

  /** Posts a form of a page. */
  async submit(path: string, fields: Record<string, string> = {}): Promise<Answer> {
    return this.open(path, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: { origin: this.issuer },
    });
  }

  /** Does the ceremony of a page; `fields` are what was typed. Gives the server's answer to the post. */
  async perform(page: Answer, fields: Record<string, string> = {}, overrides: object = {}): Promise<Answer> {
    const { action } = ceremonyOf(page);
    return this.post(action, { response: this.respond(page, overrides), ...fields });
  }

  /** What the authenticator says to a page's options. */
  respond(page: Answer, overrides: object = {}) {
    const { kind, options } = ceremonyOf(page);
    return kind === "registration"
      ? this.authenticator.create(options, this.issuer, overrides)
      : this.authenticator.get(options, this.issuer, overrides);
  }

  /** Does the ceremony and goes where the answer leads. */
  async complete(page: Answer, fields: Record<string, string> = {}): Promise<Answer> {
    const answer = await this.perform(page, fields);
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
    return this.open(String(answer.json().location));
  }

  /** An app's own address; tests have no app that answers there. */
  #leaves({ origin, pathname }: URL): boolean {
    return origin !== new URL(this.issuer).origin || pathname === "/cb";
  }

  #keep(line: string, requestPath: string): void {
    this.setCookies.push(line);
    const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
    const at = pair.indexOf("=");
    const name = pair.slice(0, at);
    const value = pair.slice(at + 1);
    const attribute = (wanted: string) =>
      attributes.find((part) => part.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
    const path = attribute("path") ?? requestPath;
    this.cookies = this.cookies.filter((cookie) => cookie.name !== name || cookie.path !== path);
    const expires = attribute("expires");
    if (expires === undefined || Date.parse(expires) > Date.now()) this.cookies.push({ name, value, path });
  }
}

/** The ceremony of a page, out of its one `[data-ceremony]` element. */
export function ceremonyOf({ text, status }: Answer): Ceremony {
  const element = /<[a-z]+\b[^>]*\bdata-ceremony="[^>]*>/.exec(text)?.[0];
  if (!element) throw new Error(`no ceremony on this page (${status}): ${text.slice(0, 2000)}`);
  const attribute = (name: string) =>
    unescapeHtml(new RegExp(`\\b${name}="([^"]*)"`).exec(element)?.[1] ?? "");
  return {
    kind: attribute("data-ceremony"),
    action: attribute("data-action"),
    options: JSON.parse(attribute("data-options")),
  };
}

function unescapeHtml(text: string): string {
  return text
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
