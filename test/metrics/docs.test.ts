/** What `docs/operations.md` says about metrics: the table is the source's own, and alerts ask for what there is. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { type Definition, definitions, metricsTable } from "../../src/metrics/definitions.ts";

interface Rule {
  alert: string;
  expr: string;
  for?: string;
  annotations: { summary: string };
}

const page = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
const section = /^## Metrics\n([\s\S]*?)^## /m.exec(page)?.[1] ?? "";
const [scraping, alerting] = [...section.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text = ""]) =>
  parse(text),
);
const rules: Rule[] = alerting.groups.flatMap((group: { rules: Rule[] }) => group.rules);

test("the table of metrics is the one that the source renders", () => {
  const table = /<!-- metrics -->\n\n([\s\S]*?\n)\n<!-- \/metrics -->/.exec(section)?.[1];
  expect(table, "run: npm run docs").toBe(metricsTable());
});

test("the scrape configuration names a job and where it is asked", () => {
  expect(scraping.scrape_configs).toEqual([
    expect.objectContaining({ job_name: "latchkey", static_configs: [{ targets: [expect.any(String)] }] }),
  ]);
});

test("there are five alerts, each with what to do, and each asks for metrics and label values that there are", () => {
  expect(rules).toHaveLength(5);
  const known: Record<string, Definition> = definitions;
  const asked: string[] = [];
  for (const { expr, annotations } of rules) {
    expect(annotations.summary).toMatch(/\. .+\.$/);
    for (const [, name = "", selector = ""] of expr.matchAll(/\b(latchkey_\w+)(?:\{([^}]*)\})?/g)) {
      asked.push(name);
      expect(Object.keys(known)).toContain(name);
      for (const [, label = "", value = ""] of selector.matchAll(/(\w+)="([^"]*)"/g)) {
        const values = known[name]?.labels?.[label];
        expect(values, `${name}{${label}}`).toBeDefined();
        if (Array.isArray(values)) expect(values).toContain(value);
        else expect(value).toMatch(/^[1-5]xx$/);
      }
    }
  }
  expect(new Set(asked).size).toBe(4);
});
