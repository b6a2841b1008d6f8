import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isRefusal } from "../../src/errors.ts";
import { createRenderer } from "../../src/view/render.ts";
import { hostile, type Sample, samples } from "./samples.ts";

const assets = {
  css: "/assets/latchkey.a.css",
  js: "/assets/latchkey.b.js",
  icon: "/assets/latchkey.c.svg",
  account: { css: "/assets/account.d.css", js: "/assets/account.e.js" },
};
const renderer = createRenderer({ assets });

function html(sample: Sample, locale = "en"): string {
  return renderer.render(sample.view, sample.model, { locale, requestId: "r-1" });
}

function overlay(name: string, content: string): string {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-views-"));
  mkdirSync(join(folder, "pages"));
  writeFileSync(join(folder, "pages", name), content);
  return folder;
}

/** The document without what its values are: names of tags and attributes, in order. */
function skeleton(document: string): string[] {
  return [...document.matchAll(/<(\/?[a-z!][\w-]*)((?:\s+[\w-]+(?:="[^"]*")?)*)\s*\/?>/gi)].map(
    ([, tag, attributes = ""]) =>
      [tag, ...[...attributes.matchAll(/([\w-]+)(?:="[^"]*")?/g)].map(([, name]) => name)].join(" "),
  );
}

describe.each(samples)("the page $title", (sample) => {
  it.each(["en", "de"])("is a whole document in %s, with nothing missing in it", (locale) => {
    const document = html(sample, locale);
    expect(document).toMatch(new RegExp(`^<!doctype html>\\s*<html lang="${locale}" dir="ltr">`));
    expect(document.match(/<h1>/g)).toHaveLength(1);
    expect(document).not.toMatch(/undefined|\[object|NaN|>null</);
    expect(document).toContain(`href="${assets.css}"`);
  });

  it("has the script exactly when there is something for it to do", () => {
    const document = html(sample);
    expect(document.includes("<script")).toBe(
      /data-(ceremony|decision|submit|print|signals)\b/.test(document),
    );
  });

  it.each([
    `"><script>alert(1)</script>`,
    `'><img src=x onerror=alert(1)>`,
    `" onfocus="alert(1)" autofocus="`,
    `</title><svg/onload=alert(1)>`,
    `<%= process.exit(1) %>{app}$&$1`,
    `javascript:alert(1)`,
  ])("keeps its shape when every text is %s", (text) => {
    const calm = skeleton(html(hostile(sample, "calm")));
    const attacked = html(hostile(sample, text));
    expect(skeleton(attacked)).toEqual(calm);
    if (!text.startsWith("javascript:")) expect(attacked).not.toContain(text);
  });
});

it("notices a template that prints a value raw", () => {
  const folder = overlay("logged_out.eta", '<p title="<%~ it.model.app.name %>"></p>');
  const careless = createRenderer({ assets, overlay: folder });
  const page = (name: string) => careless.render("logged_out", { app: { name } }, { locale: "en" });
  expect(skeleton(page('"><script>'))).not.toEqual(skeleton(page("calm")));
});

describe("createRenderer", () => {
  it("takes an overlay's page for ours, and ours for the rest", () => {
    const folder = overlay("logged_out.eta", "<h1>Bye</h1>");
    const themed = createRenderer({ assets, overlay: folder });
    expect(themed.render("logged_out", {}, { locale: "en" })).toBe("<h1>Bye</h1>");
    expect(themed.render("demo", { signInUrl: "/x" }, { locale: "en" })).toContain("<h1>Demo app</h1>");
  });

  it("stops at a template that cannot be compiled, and names it", () => {
    const folder = overlay("logged_out.eta", "<% if ( %>");
    let error: unknown;
    try {
      createRenderer({ assets, overlay: folder });
    } catch (caught) {
      error = caught;
    }
    expect(isRefusal(error, "configuration_invalid")).toBe(true);
    expect(String(error)).toContain("logged_out.eta");
  });

  it("answers in a language there is", () => {
    expect(renderer.negotiate("fr, de;q=0.3")).toBe("de");
    expect(renderer.negotiate("de", "en")).toBe("en");
  });

  it("has the sentences of the error codes in every language, and none for what is no code", () => {
    expect(renderer.sentence("last_way_in", "en")).toMatch(/^This is the only way/);
    expect(renderer.sentence("last_way_in", "de")).toMatch(/^Das ist der einzige Weg/);
    expect(renderer.sentence("constructor", "en")).toBeUndefined();
  });
});

describe("the pages", () => {
  const page = (title: string) => html(samples.find((sample) => sample.title === title)!);

  it("carry the ceremony as the contract says", () => {
    const document = page("signin");
    const [, ceremony, action, options = ""] =
      /data-ceremony="([^"]*)" data-action="([^"]*)" data-options="([^"]*)"/.exec(document) ?? [];
    expect([ceremony, action]).toEqual(["authentication", "/interaction/Vt8sYq3nRkW/passkey"]);
    expect(JSON.parse(options.replaceAll("&quot;", '"'))).toMatchObject({ rpId: "localhost" });
    expect(document).toMatch(/<input [^>]*autocomplete="username webauthn"/);
  });

  it("explain every claim they know, and say so of others", () => {
    const document = page("demo claims");
    expect(document).toContain("never changes");
    expect(document).toContain("A claim that this page has no explanation for.");
    const strange = renderer.render(
      "demo_claims",
      { claims: [{ name: "other", value: "1", source: "id_token" }], againUrl: "/a", signOutUrl: "/b" },
      { locale: "en" },
    );
    expect(strange).toContain("no explanation");
  });

  it("never link to an app's address that is no web page", () => {
    const model = { code: "interaction_expired", status: 400, requestId: "r-1" };
    const link = (startUrl: string) =>
      renderer
        .render("error", { ...model, app: { name: "App", startUrl } }, { locale: "en" })
        .includes("Start again");
    expect(link("https://app.example/login")).toBe(true);
    expect(["javascript:alert(1)", "data:text/html,x", "//evil.example", "https://"].filter(link)).toEqual(
      [],
    );
  });

  it("write dates as the language does, in UTC", () => {
    const account = samples.find(({ title }) => title === "account")!;
    expect(html(account, "en")).toContain("Created March 2, 2026");
    expect(html(account, "de")).toContain("Erstellt am 2. März 2026");
  });
});
