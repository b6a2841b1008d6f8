import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { errorTable, isRefusal } from "../../src/errors.ts";
import { loadCopy } from "../../src/view/copy.ts";

const views = fileURLToPath(new URL("../../views/", import.meta.url));
const languages = readdirSync(join(views, "copy")).map((file) => file.slice(0, -".json".length));

function flat(node: object, path: string[] = []): Map<string, string> {
  const entries = Object.entries(node).flatMap(([key, value]): [string, string][] =>
    typeof value === "string" ? [[[...path, key].join("."), value]] : [...flat(value, [...path, key])],
  );
  return new Map(entries);
}

const read = (language: string) =>
  flat(JSON.parse(readFileSync(join(views, `copy/${language}.json`), "utf8")));
const english = read("en");
const placeholders = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

describe("the texts", () => {
  it("exist in more than one language", () => {
    expect(languages).toContain("en");
    expect(languages.length).toBeGreaterThan(1);
  });

  describe.each(languages)("in %s", (language) => {
    const texts = read(language);

    it("are all there and no others", () => {
      expect([...texts.keys()].sort()).toEqual([...english.keys()].sort());
    });

    it("have the same placeholders", () => {
      for (const [key, text] of texts) {
        expect({ key, found: placeholders(text) }).toEqual({
          key,
          found: placeholders(english.get(key) ?? ""),
        });
      }
    });

    it("are plain words: no markup, no stray braces, nothing empty", () => {
      for (const [key, text] of texts) {
        expect({ key, text: text.trim() }).toEqual({ key, text });
        expect({ key, text }).not.toEqual({ key, text: "" });
        expect({ key, rest: text.replace(/\{\w+\}/g, "").match(/[<>{}&]/g) }).toEqual({ key, rest: null });
      }
    });

    it("have a sentence for every error", () => {
      expect(errorTable().filter(({ code }) => !texts.has(`error.${code}`))).toEqual([]);
    });
  });

  it("say the English words of the contract", () => {
    const words = {
      "signin.heading": "Sign in",
      "signin.username": "Email or username",
      "signin.button": "Sign in with a passkey",
      "signin.create": "Create an account",
      "signin.recover": "Can't use your passkey?",
      "create.heading": "Create your account",
      "create.name": "Name",
      "create.email": "Email",
      "create.button": "Create a passkey",
      "consent.heading": "Allow access?",
      "consent.allow": "Allow",
      "action.cancel": "Cancel",
      "account.passkeys": "Passkeys",
      "account.add": "Add a passkey",
      "account.rename": "Rename",
      "account.remove": "Remove",
      "action.sign_out": "Sign out",
      "device.heading": "Connect a device",
      "device.code": "Code",
      "action.continue": "Continue",
      "device.done_heading": "Device connected",
      "action.start_again": "Start again",
      "footer.about": "What is a passkey?",
      "demo_claims.again": "Sign in again with a fresh passkey",
    };
    expect(Object.fromEntries(Object.keys(words).map((key) => [key, english.get(key)]))).toEqual(words);
  });

  it("are all used by a template or the script", () => {
    const sources = readdirSync(views, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".eta"))
      .map((file) => readFileSync(join(views, file), "utf8"))
      .join("\n");
    // Keys that are put together: `error.${code}`, `it.messages("script.authentication")`.
    const prefixes = [
      ...sources.matchAll(/`([\w.]+)\.\$\{/g),
      ...sources.matchAll(/messages\("([\w.]+)"\)/g),
    ].map(([, prefix]) => `${prefix}.`);
    const unused = [...english.keys()].filter(
      (key) => !sources.includes(`"${key}"`) && !prefixes.some((prefix) => key.startsWith(prefix)),
    );
    expect(unused).toEqual([]);
  });
});

describe("loadCopy", () => {
  function overlay(files: Record<string, string>): string {
    const folder = mkdtempSync(join(tmpdir(), "latchkey-copy-"));
    mkdirSync(join(folder, "copy"));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, "copy", name), content);
    return folder;
  }

  it("puts values in, marked as such", () => {
    const copy = loadCopy([views]);
    expect(copy.text("en", "app.to_continue", { app: "<b>" })).toBe("to continue to <b>");
    expect(copy.parts("en", "app.to_continue", { app: "A {app}" })).toEqual([
      { text: "to continue to ", value: false },
      { text: "A {app}", value: true },
    ]);
  });

  it("refuses a key or a value that is missing", () => {
    const copy = loadCopy([views]);
    expect(() => copy.text("en", "no.such.text")).toThrow(TypeError);
    expect(() => copy.text("en", "__proto__")).toThrow(TypeError);
    expect(() => copy.text("en", "app.to_continue", {})).toThrow(TypeError);
    expect(() => copy.text("en", "app.to_continue", Object.create({ app: "inherited" }))).toThrow(TypeError);
  });

  it("lets an overlay change one text, and add a language that falls back to English", () => {
    const folder = overlay({
      "en.json": '{ "brand": "Acme" }',
      "fr.json": '{ "signin": { "heading": "Connexion" } }',
    });
    const copy = loadCopy([views, folder]);
    expect(copy.text("en", "brand")).toBe("Acme");
    expect(copy.text("de", "brand")).toBe("Latchkey");
    expect(copy.text("en", "signin.heading")).toBe("Sign in");
    expect(copy.text("fr", "signin.heading")).toBe("Connexion");
    expect(copy.text("fr", "signin.username")).toBe("Email or username");
    expect(copy.languages).toContain("fr");
  });

  it.each(["{", "[1]", '{ "brand": 7 }'])("stops the start at a broken file: %s", (content) => {
    const folder = overlay({ "en.json": content });
    const error = catching(() => loadCopy([views, folder]));
    expect(isRefusal(error, "configuration_invalid")).toBe(true);
    expect(String(error)).toContain("en.json");
  });
});

function catching(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}
