/** Addresses as people and programs spell them. */
import { describe, expect, it } from "vitest";
import { finder } from "../../src/http/router.ts";

const find = finder([
  ["get", "/", "front"],
  ["get", "/account/passkeys/new", "new"],
  ["post", "/account/passkeys/new", "made"],
  ["post", "/account/passkeys/:id", "one"],
  ["get", "/interaction/:uid/sign-in", "again"],
]);
const at = (path: string, method = "GET") => find(path)?.methods.get(method);

describe("a route", () => {
  it.each([
    ["/", "front"],
    ["/account/passkeys/new", "new"],
    ["/account/passkeys/new/", "new"],
    ["/account/PASSKEYS/New", "new"],
    ["/interaction/x/sign-in", "again"],
  ])("is at %s", (path, route) => {
    expect([at(path), at(path, "HEAD")]).toEqual([route, route]);
  });

  it.each([
    "/account",
    "/Account/passkeys/new",
    "/account/passkeys/new//",
    "/account//new",
    "/account/passkeys",
    "/interaction//sign-in",
    "/interaction/x/y/sign-in",
    "//account/passkeys/new",
    "/account/passkeys/new/x",
    "",
  ])("is not at %s", (path) => {
    expect(find(path)).toBeUndefined();
  });

  it("has its methods together, the first address that fits counting", () => {
    expect([...(find("/account/passkeys/new")?.methods.keys() ?? [])].sort()).toEqual([
      "GET",
      "HEAD",
      "POST",
    ]);
    expect(at("/account/passkeys/x", "POST")).toBe("one");
    expect(at("/account/passkeys/x")).toBeUndefined();
  });

  it.each([
    ["/interaction/a%20b/sign-in", "a b"],
    ["/interaction/a%2Fb/sign-in", "a/b"],
    ["/interaction/a%zz/sign-in", "a%zz"],
    ["/interaction/__proto__/sign-in", "__proto__"],
  ])("knows what stands in %s", (path, uid) => {
    expect(find(path)?.params.uid).toBe(uid);
  });

  it("is not made where two routes answer the same", () => {
    expect(() =>
      finder([
        ["get", "/a/:id", 1],
        ["post", "/a/:id", 2],
      ]),
    ).not.toThrow();
    expect(() =>
      finder([
        ["get", "/a/:id", 1],
        ["get", "/a/:id", 2],
      ]),
    ).toThrow("two routes answer get /a/:id");
  });
});
