/** What holds for every template as it is written, whatever it is given. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const views = fileURLToPath(new URL("../../views/", import.meta.url));

const templates = readdirSync(views, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".eta"))
  .map((name) => ({ name, source: readFileSync(join(views, name), "utf8") }));

/** Words that stand in the template itself, outside tags and outside `<% %>`. */
function literals(source: string): string[] {
  return withoutCode(source)
    .replace(/<style>[\s\S]*?<\/style>/g, "")
    .split(/<[^>]*>/)
    .map((text) => text.replace(/&#?\w+;/g, " ").trim())
    .filter((text) => /[\p{L}\p{N}]/u.test(text));
}

/** Attributes that people read or hear, with a text that does not come from the copy. */
function spokenLiterals(source: string): string[] {
  return [
    ...withoutCode(source).matchAll(
      /\s(?:alt|title|placeholder|aria-label|aria-description|label)="([^"]*)"/g,
    ),
  ]
    .map(([, value = ""]) => value)
    .filter((value) => /[\p{L}\p{N}]/u.test(value));
}

/** Raw output of anything but another template. */
function raws(source: string): string[] {
  return [...source.matchAll(/<%[-_]?~([\s\S]*?)%>/g)]
    .map(([, code = ""]) => code.trim())
    .filter((code) => !/^include\("@partials\/[\w/-]+"(, \{[^<>]*\})?\)$/.test(code) && code !== "it.body");
}

function unquoted(source: string): string[] {
  const emptied = tags(source).map((tag) => tag.replace(/"[^"]*"/g, '""'));
  return emptied.flatMap((tag) => tag.match(/[\w-]+=(?!"")\S*/g) ?? []);
}

/** Sentences inside the code of a template. */
function codedLiterals(source: string): string[] {
  const code = (source.match(/<%[\s\S]*?%>/g) ?? []).join("\n").replace(/\$\{[^}]*\}/g, "");
  const strings = code.match(/"[^"\n]*"|'[^'\n]*'|`[^`\n]*`/g) ?? [];
  return strings.filter((text) => /\p{Lu}|\p{L}\s+\p{L}/u.test(text));
}

/** What our content security policy refuses, and forms that would put their fields into the address. */
function forbidden(source: string): string[] {
  const found = tags(source).filter(
    (tag) =>
      /\s(on\w+|style|srcdoc|formaction)=/i.test(tag) ||
      /^<(style|iframe|object|embed|base)\b/i.test(tag) ||
      (/^<script\b/i.test(tag) && !/\ssrc="@@"/.test(tag)) ||
      (/^<form\b/i.test(tag) && !/\smethod="post"/.test(tag)) ||
      /\s(?:src|href|action)="(?:[a-z]+:|\/\/)/i.test(tag),
  );
  return found;
}

function tags(source: string): string[] {
  // A quoted value may hold code with any sign in it; code becomes two signs that HTML does not know.
  return source.replace(/<%[\s\S]*?%>/g, "@@").match(/<[a-z!/][^>]*>/gi) ?? [];
}

function withoutCode(source: string): string {
  return source.replace(/<%[\s\S]*?%>/g, "");
}

describe.each(templates)("$name", ({ name, source }) => {
  it("holds no text of its own", () => {
    expect([...literals(source), ...spokenLiterals(source), ...codedLiterals(source)]).toEqual([]);
  });

  it("prints nothing raw but other templates", () => {
    expect(raws(source)).toEqual([]);
  });

  it("quotes every attribute", () => {
    expect(unquoted(source)).toEqual([]);
  });

  it("has nothing in it that the policy refuses", () => {
    // A mail has no policy, and no stylesheet but its own.
    const found = forbidden(source).filter((tag) => tag !== "<style>" || !name.startsWith("mail/"));
    expect(found).toEqual([]);
  });
});

describe("the rules for templates", () => {
  it.each([
    [literals, "<p>Hello</p>"],
    [literals, "<p><%= it.t('x') %> and 2</p>"],
    [spokenLiterals, '<img alt="A key">'],
    [codedLiterals, '<%= it.model.x ? "yes it is" : "" %>'],
    [codedLiterals, "<%= it.model.x + 'and more' %>"],
    [raws, "<%~ it.model.name %>"],
    [raws, '<%~ include("@partials/x") + it.model.name %>'],
    [raws, "<%-~ it.model.name %>"],
    [unquoted, "<a href=<%= it.model.url %>>"],
    [unquoted, "<a class='x'>"],
    [forbidden, '<p onclick="x()">'],
    [forbidden, '<p style="color:red">'],
    [forbidden, "<script>alert(1)</script>"],
    [forbidden, '<form action="/x">'],
    [forbidden, '<link href="https://cdn.example/x.css">'],
  ])("%o catches %s", (rule, source) => {
    expect(rule(source)).not.toEqual([]);
  });

  it("has templates to look at", () => {
    expect(templates.length).toBeGreaterThan(20);
  });
});
