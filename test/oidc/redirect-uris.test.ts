import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { redirectUriProblem, webUriProblem } from "../../src/oidc/client/redirect-uris.ts";

const accepted = {
  web: [
    "https://app.example.com/cb",
    "https://app.example.com",
    "https://app.example.com/",
    "https://app.example.com?tenant=1",
    "https://app.example.com/cb?tenant=1&x=%20y",
    "https://app.example.com:8443/a/b/c.php",
    "https://xn--bcher-kva.example/cb",
    "https://10.0.0.5/cb",
    "https://[2001:db8::1]/cb",
    "https://app.example.com/~user/(a)/b;c=1,2/$&'!",
    "http://localhost:8080/cb",
    "http://127.0.0.1/cb",
    "http://[::1]:9000/cb",
    "https://localhost:8443/cb",
  ],
  spa: ["https://app.example.com/", "http://localhost:5173/cb"],
  native: [
    "com.example.app:/oauth2redirect",
    "com.example.app://callback",
    "com.example-app.v2:/cb",
    "https://app.example.com/cb",
    "http://127.0.0.1/cb",
    "http://localhost:7777/cb",
  ],
} as const;

/** What nobody may register, whatever the kind; the reason is part of each entry's meaning. */
const refused = [
  // schemes
  "javascript:alert(1)",
  "JavaScript:alert(1)",
  "javascript://app.example.com/%0aalert(1)",
  "java\tscript:alert(1)",
  "\tjavascript:alert(1)",
  " javascript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "vbscript:msgbox(1)",
  "file:///etc/passwd",
  "blob:https://app.example.com/1",
  "about:blank",
  "ws://app.example.com/cb",
  "ftp://app.example.com/cb",
  "view-source:https://app.example.com/cb",
  "mailto:a@example.com",
  "urn:ietf:wg:oauth:2.0:oob",
  "myapp:/cb",
  "myapp://callback",
  "localhost:3000/cb",
  // not absolute
  "",
  "/cb",
  "//evil.example/cb",
  "\\\\evil.example\\cb",
  "app.example.com/cb",
  "https:/app.example.com/cb",
  "https:app.example.com/cb",
  "https:///app.example.com/cb",
  "https://",
  "https://?x",
  // plain http beyond this machine
  "http://app.example.com/cb",
  "http://localhost.example.com/cb",
  "http://127.0.0.1.example.com/cb",
  "http://127.0.0.2/cb",
  "http://0.0.0.0/cb",
  "http://localhost@evil.example/cb",
  "http://2130706433/cb",
  "http://0x7f.1/cb",
  "http://127.1/cb",
  // user information
  "https://user@app.example.com/cb",
  "https://user:pass@app.example.com/cb",
  "https://app.example.com@evil.example/cb",
  "https://app.example.com%40evil.example/cb",
  "https://@app.example.com/cb",
  // fragments and wildcards
  "https://app.example.com/cb#",
  "https://app.example.com/cb#x",
  "https://app.example.com#@evil.example/",
  "https://*.example.com/cb",
  "https://app.example.com/*",
  // not the exact form
  "HTTPS://app.example.com/cb",
  "https://APP.example.com/cb",
  "https://app.example.com:443/cb",
  "https://app.example.com:/cb",
  "https://app.example.com./cb",
  "https://app.example.com/a/../cb",
  "https://app.example.com/./cb",
  "https://app.example.com/a/%2e%2e/cb",
  "https://app.example.com/.%2E/cb",
  "https://app.example.com//evil.example",
  "https://app.example.com?",
  "https://app.example.com/cb?",
  "https://bücher.example/cb",
  "https://app。example.com/cb",
  "https://ａpp.example.com/cb",
  "https://app.example.com:99999/cb",
  "https://[::ffff:127.0.0.1/cb",
  // characters that are read in more than one way
  "https://app.example.com\\@evil.example/cb",
  "https://app.example.com\\.evil.example/cb",
  "https://app.example.com/cb\\..\\admin",
  "https://app.example.com/cb%5c..",
  "https://app.example.com/cb%0d%0aSet-Cookie:x=1",
  "https://app.example.com/cb%00",
  "https://app.example.com/cb%7F",
  "https://app.example.com/cb\r\nSet-Cookie: x=1",
  "https://app.example.com/cb\0",
  "https://app.example.com/c b",
  "https://app.example.com/cb ",
  "https://app.example.com/\u202ecb",
  'https://app.example.com/"><script>alert(1)</script>',
  "https://app.example.com/cb|x",
  "https://app.example.com/`x`",
  "https://app.example.com/{x}",
  // answers that are ours to give
  "https://app.example.com/cb?code=x",
  "https://app.example.com/cb?state=x",
  "https://app.example.com/cb?a=1&iss=https://evil.example",
  "https://app.example.com/cb?error=x",
  "https://app.example.com/cb?%63ode=x",
  // private use that is none
  "com.example.app:",
  "COM.example.app:/cb",
  "com.example.app:/cb#x",
  "com.example.app://user@host/cb",
  "com.example.app:/cb?code=x",
  ".example:/cb",
  "com..app:/cb",
  `https://app.example.com/${"x".repeat(2048)}`,
];

const kinds = ["web", "spa", "native"] as const;

describe("SEC-87 redirect URIs are exact addresses", () => {
  for (const kind of kinds) {
    test.each(accepted[kind])(`%s is accepted for ${kind}`, (uri) => {
      expect(redirectUriProblem(uri, kind)).toBeUndefined();
    });
  }

  test("the corpus has its size", () => {
    expect(new Set(refused).size).toBe(refused.length);
    expect(refused.length).toBeGreaterThanOrEqual(60);
  });

  test.each(refused)("%j is refused for every kind", (uri) => {
    for (const kind of kinds) {
      const problem = redirectUriProblem(uri, kind);
      expect(problem).toBeTypeOf("string");
      // The reason is shown on terminals and pages, so nothing of the address is in it.
      expect(problem).not.toMatch(/evil|script|Set-Cookie|[^\x20-\x7e]/);
    }
  });

  test("private-use schemes and loopback https depend on the kind", () => {
    for (const uri of ["com.example.app:/cb", "com.example.app://callback"]) {
      expect(redirectUriProblem(uri, "native")).toBeUndefined();
      expect(redirectUriProblem(uri, "web")).toContain("native");
      expect(redirectUriProblem(uri, "spa")).toContain("native");
    }
    expect(redirectUriProblem("https://localhost/cb", "web")).toBeUndefined();
    expect(redirectUriProblem("https://localhost/cb", "native")).toContain("http:");
  });

  test("whatever is accepted is a URL that every parser reads alike", () => {
    const piece = fc.constantFrom(
      ...[
        "https:",
        "http:",
        "com.example:",
        "/",
        "//",
        "\\",
        "@",
        ":",
        "#",
        "?",
        "*",
        "%2e",
        "%0a",
        "..",
        ".",
        " ",
        "\t",
      ],
      ...[
        "localhost",
        "127.0.0.1",
        "[::1]",
        "app.example.com",
        "evil.example",
        "443",
        "cb",
        "code=1",
        "a=b",
        "é",
      ],
    );
    const uri = fc.oneof(
      fc.array(piece, { maxLength: 9 }).map((pieces) => pieces.join("")),
      fc.webUrl({ withFragments: true, withQueryParameters: true, validSchemes: ["https", "http", "ftp"] }),
      fc.string({ unit: "binary", maxLength: 40 }).map((text) => `https://app.example.com/${text}`),
    );
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(uri, fc.constantFrom(...kinds), (text, kind) => {
        if (redirectUriProblem(text, kind) !== undefined) {
          seen.refused++;
          return;
        }
        seen.accepted++;
        const url = new URL(text);
        expect(text).toMatch(/^[\x21-\x7e]+$/);
        expect([url.username, url.password, url.hash]).toEqual(["", "", ""]);
        expect([url.href, `${url.origin}${url.search}`]).toContain(text);
        const local = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
        expect(url.protocol === "https:" || (url.protocol === "http:" && local) || kind === "native").toBe(
          true,
        );
      }),
      { numRuns: Math.ceil(Number(process.env.FUZZ_CASES ?? 20_000) / 4) },
    );
    expect(seen.accepted).toBeGreaterThan(100);
    expect(seen.refused).toBeGreaterThan(100);
  });
});

describe("SEC-101 addresses that we call or link to", () => {
  test.each([
    ["https://app.example.com/start", true],
    ["https://app.example.com/start?x=1", true],
    ["http://localhost:8080/logout", true],
    ["http://app.example.com/logout", false],
    ["javascript:alert(1)", false],
    ["data:text/html,x", false],
    ["//evil.example", false],
    ["\tjavascript:alert(1)", false],
    ["com.example.app:/cb", false],
    ["https://user:pass@app.example.com", false],
    ["https://app.example.com/#x", false],
  ])("%j where this machine is allowed: %s", (uri, fits) => {
    expect(webUriProblem(uri, { local: true }) === undefined).toBe(fits);
  });

  test("http to this machine is refused where it is not allowed", () => {
    expect(webUriProblem("http://localhost:8080/start", { local: false })).toBe("must use https:");
    expect(webUriProblem("https://app.example.com/start", { local: false })).toBeUndefined();
  });
});
