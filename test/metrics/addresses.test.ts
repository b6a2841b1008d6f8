import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test } from "vitest";
import { addressNamer, UNKNOWN } from "../../src/http/addresses.ts";

const nameOf = addressNamer(["/interaction/:uid", "/assets/:file", "/"]);

test("an address is named by its pattern, whatever it holds and whatever is asked of it", () => {
  expect(nameOf("/interaction/abc?x=1")).toBe("/interaction/:uid");
  expect(nameOf("/token")).toBe("/token");
  expect(nameOf("/device/auth")).toBe("/device/auth");
  expect(nameOf("/device/x")).toBe("/device/:uid");
  expect(nameOf("/")).toBe("/");
});

test("whatever a stranger asks for is one of a closed set", () => {
  const names = new Set<string>();
  const paths = fc.oneof(
    fc.webPath(),
    fc.string(),
    fc.webUrl(),
    fc.constantFrom("*", "//", "/%", "/__proto__"),
  );
  fc.assert(
    fc.property(paths, (path) => {
      names.add(nameOf(path));
    }),
    { numRuns: 2000 },
  );
  const patterns = [...names].filter((name) => name !== UNKNOWN);
  for (const pattern of patterns) expect(nameOf(pattern)).toBe(pattern);
  expect(names).toContain(UNKNOWN);
  expect(names.size).toBeLessThan(25);
});

test("the library's addresses are those that it serves", async () => {
  const source = fileURLToPath(
    new URL("../../node_modules/oidc-provider/lib/helpers/defaults.js", import.meta.url),
  );
  const [, routes = ""] = /\n {4}routes: \{([^}]+)\}/.exec(readFileSync(source, "utf8")) ?? [];
  const addresses = [...routes.matchAll(/: '(\/[^']*)'/g)].map(([, path = ""]) => path);
  expect(addresses.length).toBeGreaterThan(8);
  // Features that are off.
  const off = ["/backchannel", "/challenge", "/reg", "/credential"];
  expect(addresses.filter((path) => nameOf(path) === UNKNOWN).sort()).toEqual(off.sort());
});
