/** Every page in a real browser: on a phone and on a desk, light and dark, in both languages. */
import { mkdtemp, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browserSkipped, launchChromium, virtualAuthenticator } from "../support/chromium.ts";
import { hostile, type Sample, samples } from "../view/samples.ts";
import { eventually, openSite, type Site } from "./site.ts";

const axeSource = readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const variants = [
  { width: 1280, scheme: "light", locale: "en" },
  { width: 1280, scheme: "dark", locale: "de" },
  { width: 320, scheme: "light", locale: "de" },
  { width: 320, scheme: "dark", locale: "en" },
] as const;

const lengthy = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverordnungsänderungsgesetz".repeat(
  2,
);

describe.skipIf(browserSkipped)("every page", () => {
  let browser: Browser;
  let site: Site;
  let shots: string;
  let shown: Sample;

  beforeAll(async () => {
    [browser, site] = await Promise.all([launchChromium(), openSite()]);
    // For whoever wants to look; nothing is kept in the tree.
    shots = process.env.LATCHKEY_SCREENSHOTS ?? (await mkdtemp(join(tmpdir(), "latchkey-pages-")));
    site.answer = ({ query }) => ({
      html: site.renderer.render(shown.view, shown.model, { locale: query.get("locale") ?? "en" }),
    });
  });

  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  async function look(page: Page, sample: Sample, locale: string): Promise<void> {
    shown = sample;
    // A page that sends itself on is looked at as somebody sees it whose script has not come yet.
    const hurries = sample.view === "submit";
    if (hurries)
      await page.route("**/assets/*.js", (route) =>
        route.fulfill({ contentType: "text/javascript", body: "" }),
      );
    await page.goto(`${site.origin}/${encodeURIComponent(sample.title)}?locale=${locale}`);
    if (hurries) await page.unroute("**/assets/*.js");
  }

  describe.each(variants)("at $width px, $scheme, $locale", ({ width, scheme, locale }) => {
    let page: Page;
    let complaints: string[];

    beforeAll(async () => {
      page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme: scheme });
      page.on("console", (message) => complaints.push(message.text()));
      page.on("pageerror", (error) => complaints.push(String(error)));
      // Nobody touches it: a conditional ceremony stays pending, and nothing waits for a dialog.
      await virtualAuthenticator(page, { automaticPresenceSimulation: false });
    });

    afterAll(() => page?.close());

    it.each(samples)("$title is accessible, fits, and obeys the policy", async (sample) => {
      complaints = [];
      await look(page, sample, locale);
      await page.screenshot({
        path: join(shots, `${sample.title.replaceAll(" ", "-")}-${width}-${scheme}-${locale}.png`),
        fullPage: true,
      });
      expect(await sideways(page)).toBe(0);
      expect(await smallTargets(page)).toEqual([]);
      expect(await violations(page)).toEqual([]);
      expect(complaints).toEqual([]);
    });

    // Where there is no room: what fits on a phone fits on a desk.
    if (width === 320) {
      it.each(samples)("$title stays in its frame when every text is long and hostile", async (sample) => {
        complaints = [];
        await look(
          page,
          hostile(sample, `"'><script>alert(1)</script><style>*{color:red}</style>${lengthy}`),
          locale,
        );
        expect(await sideways(page)).toBe(0);
        expect(complaints).toEqual([]);
      });
    }
  });

  it("prints recovery codes and where they belong on one sheet, in black on white, without buttons", async () => {
    shown = samples.find(({ title }) => title === "recovery codes in the middle of a visit") as Sample;
    const page = await browser.newPage({ colorScheme: "dark" });
    await page.goto(site.origin);
    const buttons = page.locator("button, .button");
    expect(await buttons.filter({ visible: true }).count()).toBe(3);
    await page.emulateMedia({ media: "print" });
    expect(await buttons.filter({ visible: true }).count()).toBe(0);
    expect(await page.locator("ol.codes code").filter({ visible: true }).count()).toBe(10);
    expect(await page.getByText("id.example.com").filter({ visible: true }).count()).toBeGreaterThan(0);
    const colours = await page
      .locator("ol.codes code")
      .first()
      .evaluate((code) => [getComputedStyle(code).color, getComputedStyle(document.body).backgroundColor]);
    expect(colours).toEqual([
      "rgb(0, 0, 0)",
      expect.stringMatching(/rgba\(0, 0, 0, 0\)|rgb\(255, 255, 255\)/),
    ]);
    await page.screenshot({ path: join(shots, "recovery-codes-in-print.png"), fullPage: true });
    const pdf = (await page.pdf({ path: join(shots, "recovery-codes.pdf") })).toString("latin1");
    expect(pdf.match(/\/Type \/Page\b/g)).toHaveLength(1);
    await page.close();
  });

  it("finds what it looks for: a page that is too wide, too small, unreadable and disobedient", async () => {
    const page = await browser.newPage({ viewport: { width: 320, height: 800 } });
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    const { answer } = site;
    site.answer = () => ({
      html: `<!doctype html><p style="color:red">x</p><button>${"x".repeat(200)}</button><button></button>`,
    });
    await page.goto(site.origin);
    site.answer = answer;
    expect(await sideways(page)).toBeGreaterThan(0);
    expect(await smallTargets(page)).not.toEqual([]);
    expect(await violations(page)).toContain("button-name");
    expect(complaints.join()).toContain("Content Security Policy");
    await page.close();
  });

  it("renames a passkey without a script", async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    const sample = samples.find(({ title }) => title === "account")!;
    await look(page, sample, "en");
    const dialog = page.getByRole("dialog");
    await eventually(() => dialog.count()).toBe(0);
    await page.getByRole("button", { name: "Rename" }).first().click();
    await dialog.getByRole("textbox", { name: "New name" }).fill("Laptop");
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect
      .poll(() => site.posts().map(({ path }) => path))
      .toContain("/account/passkeys/bGFwdG9w/rename");
    await context.close();
  });

  it("says that a ceremony needs a script, and offers no button that does nothing", async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await look(page, samples[0]!, "en");
    const notice = page.locator("noscript p");
    expect(await notice.isVisible()).toBe(true);
    expect(await notice.textContent()).toContain("JavaScript");
    expect(await page.getByRole("button").count()).toBe(0);
    await context.close();
  });

  it("leads through the sign-in page by keyboard in the order in which it reads", async () => {
    const page = await browser.newPage();
    await virtualAuthenticator(page, { automaticPresenceSimulation: false });
    await look(page, samples[0]!, "en");
    const order: string[] = [];
    for (let step = 0; step < 6; step++) {
      order.push(await page.evaluate(() => document.activeElement?.textContent?.trim() || "the text box"));
      await page.keyboard.press("Tab");
    }
    expect(order).toEqual([
      "the text box",
      "Sign in with a passkey",
      "Use your password",
      "Create an account",
      "Can't use your passkey?",
      "What is a passkey?",
    ]);
    await page.close();
  });
});

/** By how many pixels the page can be scrolled sideways (WCAG 2.2, 1.4.10). */
function sideways(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** What can be pressed and is lower than 44 pixels; links inside a sentence are excepted (WCAG 2.2, 2.5.8). */
function smallTargets(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [
      ...document.querySelectorAll<HTMLElement>(
        "button, input:not([type=hidden]), summary, a.button, nav a, footer a",
      ),
    ]
      .filter((element) => element.checkVisibility())
      // A box is ticked by its label, too.
      .filter((element) => (element.closest("label") ?? element).getBoundingClientRect().height < 44)
      .map((element) => element.outerHTML),
  );
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(await axeSource);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string }[] }> } };
    return (await axe.run()).violations.map(({ id }) => id);
  });
}
