/** From which sources a newer Redis is brought: those of the machine itself, and no other host. */
import { expect, test } from "vitest";
import { derived } from "./newer-redis.js";

const lines = `
# deb http://mirror.example/old release main
deb [signed-by=/etc/key.gpg] http://mirror.example/debian release main contrib
deb-src http://mirror.example/debian release main
deb http://mirror.example/debian release-updates main
deb http://tools.example/apt tools-release main
`;

const stanzas = `
Types: deb deb-src
# http://snapshot.example/archive
URIs: http://mirror.example/debian
Suites: release release-updates
Components: main contrib
Signed-By: /etc/key.gpg

Types: deb
URIs: http://mirror.example/security
Suites: release-security
Components: main

Types: deb
URIs: http://tools.example/apt
Suites: release
Components: tools
`;

test("the line of the release leads to the stable one, with the key it has, and no other line does", () => {
  expect(derived(lines, "release")).toEqual([
    "deb [signed-by=/etc/key.gpg] http://mirror.example/debian stable main",
  ]);
});

test("so does its stanza", () => {
  expect(derived(stanzas, "release")).toEqual([
    [
      "Types: deb",
      "URIs: http://mirror.example/debian",
      "Suites: stable",
      "Components: main",
      "Signed-By: /etc/key.gpg",
    ].join("\n"),
  ]);
});

test("sources of another release lead nowhere", () => {
  expect([...derived(lines, "other"), ...derived(stanzas, "other")]).toEqual([]);
});
