import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describeSettings, settingsTable } from "../../src/config/describe.ts";
import { fields, nearest, variables } from "../../src/config/fields.ts";
import { inspectSettings } from "../../src/config/load.ts";
import { errorTable } from "../../src/errors.ts";
import { type Folder, folder, SECRET } from "./folder.ts";

let here: Folder;
beforeEach(() => {
  here = folder();
});
afterEach(() => here.remove());

const root = new URL("../../", import.meta.url);

/** What stands between the marks in a page, without the empty lines around it. */
function region(page: string, name: string): string | undefined {
  const path = new URL(page, root);
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  return new RegExp(`<!-- ${name} -->\\n\\n([^]*?\\n)\\n<!-- /${name} -->`).exec(text)?.[1];
}

describe("the documentation", () => {
  test("the README's table of settings is the one that the schema renders", () => {
    expect(region("README.md", "settings"), "run: node docs/generate.js").toBe(settingsTable());
  });

  test("the table of errors is complete", () => {
    const rows = errorTable().map(({ code, status, title }) => `| \`${code}\` | ${status} | ${title} |\n`);
    expect(region("docs/errors.md", "errors"), "run: node docs/generate.js").toBe(
      `| code | status | title |\n|---|---|---|\n${rows.join("")}`,
    );
  });
});

describe("the table of settings", () => {
  test("has a row for every setting, with its names, meaning and default", () => {
    const rows = settingsTable().trimEnd().split("\n").slice(2);
    expect(rows).toHaveLength(fields.length);
    for (const [index, { key, doc }] of fields.entries()) {
      expect(rows[index]).toContain(`| \`${key}\` | ${doc} | `);
    }
    expect(
      rows.every((row) => /^\| (–|`LATCHKEY_[A-Z_]+`.*) \| `[a-zA-Z.]+` \| .+ \| .+ \|$/.test(row)),
    ).toBe(true);
  });

  test("every name is there once", () => {
    expect(new Set(variables).size).toBe(variables.length);
    expect(new Set(fields.map(({ key }) => key)).size).toBe(fields.length);
  });
});

describe("settings in effect", () => {
  const described = (env: Record<string, string>) =>
    new Map(
      describeSettings(inspectSettings({ env, cwd: here.path })).map((setting) => [setting.key, setting]),
    );

  test("each has its value and its source", () => {
    const file = here.file("latchkey.config.json", { trustProxy: 1, recovery: { delay: "12h" } });
    const shown = described({ PORT: "3100" });
    expect(shown.get("port")).toEqual({ key: "port", value: 3100, source: "PORT" });
    expect(shown.get("issuer")).toEqual({ key: "issuer", value: "http://localhost:3100", source: "default" });
    expect(shown.get("trustProxy")).toEqual({ key: "trustProxy", value: 1, source: file });
    expect(shown.get("recovery.delay")).toEqual({ key: "recovery.delay", value: "12h", source: file });
    expect(shown.get("mail.url")).toEqual({ key: "mail.url", value: null, source: "default" });
    expect(shown.size).toBe(fields.length);
  });

  test("SEC-113 on localhost the secret is in its file, which the first start makes; its text is not shown", () => {
    const path = join(here.path, "data/secret");
    const made = { key: "secret", value: ["***"], source: path };
    expect(described({}).get("secret")).toEqual({ ...made, source: `${path} (made on first use)` });
    expect(existsSync(path)).toBe(false);
    mkdirSync(join(here.path, "data"));
    writeFileSync(path, SECRET, { mode: 0o600 });
    expect(described({}).get("secret")).toEqual(made);
    expect(described({ LATCHKEY_SECRET: SECRET }).get("secret")?.source).toBe("LATCHKEY_SECRET");
    const remote = { LATCHKEY_ISSUER: "https://id.example.com", LATCHKEY_SECRET: SECRET };
    expect(described(remote).get("secret")?.source).toBe("LATCHKEY_SECRET");
  });

  test("SEC-113 secrets are masked, what is none is not", () => {
    const shown = described({
      LATCHKEY_SECRET: `${SECRET},hunter2 ${SECRET}`,
      LATCHKEY_STORE: "redis://user:hunter2@redis.example.com:6379/1",
      LATCHKEY_MAIL_URL: "smtps://user:p@hunter2@mail.example.com",
      LATCHKEY_MAIL_FROM: "id@example.com",
    });
    expect(shown.get("secret")?.value).toEqual(["***", "***"]);
    expect(shown.get("store")?.value).toBe("redis://***@redis.example.com:6379/1");
    expect(shown.get("mail.url")?.value).toBe("smtps://***@mail.example.com");
    expect(JSON.stringify([...shown.values()])).not.toMatch(/hunter2|root secret/);
  });
});

test("the nearest name is the one with the fewest edits", () => {
  expect(nearest("LATCHKEY_ISUER", variables)).toBe("LATCHKEY_ISSUER");
  expect(
    nearest(
      "log.lvl",
      fields.map(({ key }) => key),
    ),
  ).toBe("log.level");
  expect(nearest("x".repeat(100_000), variables)).toMatch(/^LATCHKEY_/);
});
