/**
 * Which addresses of a client we ever send a browser, or a call, to.
 *
 * They are compared as exact texts (RFC 9700, section 4.1.3), so only texts that mean the same to everybody are let
 * in: the parser must give back what it was given. A refusal is the reason in words, without the address itself.
 */
import type { ClientKind } from "./kind.ts";

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);
const LONGEST = 2048;
/** RFC 3986 characters without the fragment's `#` and the `*` that others read as a wildcard. */
const CHARACTERS = /^[A-Za-z0-9\-._~:/?@[\]!$&'()+,;=%]+$/;
/** Controls and the backslash, which some servers decode before they look. */
const ENCODED_CONTROL = /%([01][0-9a-f]|7f|5c)/i;
/** RFC 8252, section 7.1: a private-use scheme is a reversed domain name. */
const PRIVATE_USE = /^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:$/;
/** What we add to a redirect ourselves; a second one of ours confuses the client. */
const ANSWERS = [
  "code",
  "state",
  "iss",
  "error",
  "error_description",
  "id_token",
  "access_token",
  "session_state",
  "response",
];

/** Why this text is no redirect URI for a client of this kind; `undefined` when it is one. */
export function redirectUriProblem(text: string, kind: ClientKind): string | undefined {
  const url = URL.parse(text);
  const problem = textProblem(text) ?? (url ? undefined : "is not a URL");
  if (problem || !url) return problem;
  if (PRIVATE_USE.test(url.protocol)) return privateUseProblem(text, url, kind);
  return webProblem(text, url, kind) ?? answerProblem(url);
}

/** Why this text is no address that we may call or link to; `https` only, or `http` to this machine when `local`. */
export function webUriProblem(text: string, o: { local: boolean }): string | undefined {
  const url = URL.parse(text);
  const problem = textProblem(text) ?? (url ? undefined : "is not a URL");
  if (problem || !url) return problem;
  if (url.protocol === "http:" && !o.local) return "must use https:";
  return webProblem(text, url, "web");
}

function textProblem(text: string): string | undefined {
  if (text.length > LONGEST) return `is longer than ${LONGEST} characters`;
  if (text.includes("#")) return "must not have a fragment";
  if (text.includes("*")) return "must not have a wildcard: register each address";
  if (text.endsWith("?")) return "must not end in an empty query";
  if (!CHARACTERS.test(text)) return "has characters that a URL cannot have; encode them";
  if (ENCODED_CONTROL.test(text)) return "must not have encoded control characters or backslashes";
  return undefined;
}

function webProblem(text: string, url: URL, kind: ClientKind): string | undefined {
  const local = LOOPBACK.has(url.hostname);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    return kind === "native"
      ? "must use https: or a private-use scheme such as com.example.app:"
      : "must use https:";
  }
  if (url.username || url.password || text.includes("@")) return "must not have a user or a password";
  if (url.protocol === "http:" && !local)
    return "must use https: (http: is for localhost, 127.0.0.1 and [::1])";
  if (url.protocol === "https:" && local && kind === "native") return "must use http: on a loopback address";
  if (url.hostname.endsWith(".")) return "must not have a host that ends in a dot";
  if (url.pathname.includes("//")) return "must not have an empty part in its path";
  const exact = url.href === text || (url.pathname === "/" && url.href === withSlash(text));
  return exact
    ? undefined
    : "must be written in its exact form: scheme and host in lower case, no default port, no dots in the path";
}

/** `https://app.example.com` and `https://app.example.com?a=b` have no path of their own. */
function withSlash(text: string): string {
  const query = text.indexOf("?");
  return query < 0 ? `${text}/` : `${text.slice(0, query)}/${text.slice(query)}`;
}

function privateUseProblem(text: string, url: URL, kind: ClientKind): string | undefined {
  if (kind !== "native") return "must use https: (private-use schemes are for kind native)";
  if (url.username || url.password || text.includes("@")) return "must not have a user or a password";
  if (url.href !== text) return "must be written in its exact form, in lower case up to the path";
  return text.length > url.protocol.length ? answerProblem(url) : "needs a path after its scheme";
}

function answerProblem(url: URL): string | undefined {
  const found = ANSWERS.find((name) => url.searchParams.has(name));
  return found && `must not have the query parameter ${found}: the answer brings its own`;
}
