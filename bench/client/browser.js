/**
 * What stands in for a browser and for an app's server: keep-alive HTTP/1.1 to loopback, and a cookie jar that obeys
 * paths and removals. As little work as possible, since it shares the machine with the server it measures.
 */
import { Agent, request } from "node:http";

/** One pool for all flows; never more sockets than flows in flight. */
export function connections(inFlight) {
  return new Agent({ keepAlive: true, maxSockets: inFlight, scheduling: "lifo" });
}

/** One HTTP exchange. @returns {Promise<{ status: number, headers: object, bytes: Buffer, body: string }>} */
export function exchange(agent, url, { method = "GET", headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const { port, pathname, search, host } = url;
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const options = {
      agent,
      host: "127.0.0.1",
      port,
      path: pathname + search,
      method,
      headers: { host, ...headers, ...length },
    };
    const sent = request(options, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.once("error", reject);
      answer.once("end", () => resolve(complete(answer, Buffer.concat(chunks))));
    });
    sent.once("error", reject);
    sent.end(body);
  });
}

function complete({ statusCode: status, headers }, bytes) {
  return { status, headers, bytes, body: bytes.toString() };
}

/** A browser without a past. `address` is what a proxy would say of where it is. */
export class Browser {
  #agent;
  #cookies = new Map();
  #headers;

  constructor(agent, { address, origin } = {}) {
    this.#agent = agent;
    this.origin = origin;
    this.#headers = {
      accept: "text/html,application/xhtml+xml",
      "accept-language": "en",
      "user-agent":
        "Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
      ...(address && { "x-forwarded-for": address }),
    };
  }

  get(url, headers = {}) {
    return this.#send(new URL(url), {
      headers: { "sec-fetch-site": "none", "sec-fetch-mode": "navigate", ...headers },
    });
  }

  /** What a page's script sends: `fetch` with JSON, same origin. */
  post(url, value) {
    const headers = {
      "content-type": "application/json",
      accept: "application/json",
      origin: this.origin,
      "sec-fetch-site": "same-origin",
    };
    return this.#send(new URL(url), { method: "POST", headers, body: JSON.stringify(value) });
  }

  /** Changes a cookie behind the server's back. */
  forge(name, change) {
    const cookie = this.#cookies.get(name);
    if (cookie) cookie.value = change(cookie.value);
    return cookie !== undefined;
  }

  async #send(url, options) {
    const cookie = this.#cookieHeader(url.pathname);
    const headers = { ...this.#headers, ...options.headers, ...(cookie && { cookie }) };
    const answer = await exchange(this.#agent, url, { ...options, headers });
    for (const line of answer.headers["set-cookie"] ?? []) this.#keep(line);
    return answer;
  }

  #cookieHeader(path) {
    const pairs = [];
    for (const [name, cookie] of this.#cookies) {
      const below = cookie.path.endsWith("/") ? cookie.path : `${cookie.path}/`;
      if (path === cookie.path || path.startsWith(below)) pairs.push(`${name}=${cookie.value}`);
    }
    return pairs.join("; ");
  }

  #keep(line) {
    const [pair, ...attributes] = line.split(/; ?/);
    const split = pair.indexOf("=");
    const name = pair.slice(0, split);
    const value = pair.slice(split + 1);
    const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? "/";
    const gone = attributes.some((attribute) => /^(expires=Thu, 01 Jan 1970|max-age=0)/i.test(attribute));
    if (gone) this.#cookies.delete(name);
    else this.#cookies.set(name, { value, path });
  }
}
