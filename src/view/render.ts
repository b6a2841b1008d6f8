/**
 * Pages: plain HTML templates, each given its model and the texts of one language.
 *
 * An overlay's templates are compiled at start, so that a broken one stops the start and not a request; ours, which
 * tests have compiled, when they are first wanted. What a template prints is escaped; the only raw output is another
 * template's (a test holds the templates to that).
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Eta } from "eta";
import { refuse } from "../errors.ts";
import { remembered } from "../remembered.ts";
import type { Assets } from "./assets.ts";
import { type Copy, loadCopy, type Part, type Values } from "./copy.ts";
import { type LibraryForm, readLibraryForm } from "./library-form.ts";
import { negotiateLocale, textDirection } from "./locale.ts";
import type { ViewModels, ViewName } from "./models.ts";

/** What a page needs besides its model. */
export interface PageOptions {
  /** One of the languages there are; see {@link Renderer.negotiate}. */
  locale: string;
  requestId?: string;
}

export interface Renderer {
  /** A whole HTML document. Throws a `TypeError` when the model does not fit the view. */
  render<K extends ViewName>(name: K, model: ViewModels[K], o: PageOptions): string;
  /** The language of a request, of those this installation has texts for. */
  negotiate(acceptLanguage?: string, uiLocales?: string): string;
  /** The texts under a key as JSON: what the client script may have to say, for `data-messages`. */
  messages(prefix: string, locale: string): string;
  /** The sentence for people of an error code, for problem documents; undefined for a code without a text. */
  sentence(code: string, locale: string): string | undefined;
}

export interface RendererOptions {
  /** A folder that overlays `views/` file by file; its texts overlay ours key by key. */
  overlay?: string;
  assets: Pick<Assets, "css" | "js" | "icon" | "account">;
}

/** What every template sees as `it`; layouts and partials see what they are given besides. */
interface Scope {
  view: ViewName;
  model: unknown;
  locale: string;
  dir: "ltr" | "rtl";
  requestId: string | undefined;
  assets: RendererOptions["assets"];
  t(key: string, values?: Values): string;
  parts(key: string, values?: Values): Part[];
  has(key: string): boolean;
  /** The texts under a key as JSON: what the client script may have to say. */
  messages(prefix: string): string;
  /** An ISO date or seconds since the epoch, as people write it. */
  date(value: string | number, style?: DateStyle): string;
  libraryForm(html: string): LibraryForm;
  /** True for a link that leads to a web page: an app's own address never becomes a `javascript:` link. */
  isWebLink(url: string): boolean;
}

type TemplateFunction = ReturnType<Eta["compile"]>;

const views = fileURLToPath(new URL("../../views/", import.meta.url));
const FOLDERS = ["layouts", "pages", "partials"] as const;

/**
 * Reads all templates and texts; `configuration_invalid` when one of them cannot be used.
 *
 * @example
 * ```ts
 * const renderer = createRenderer({ assets: loadAssets() });
 * const html = renderer.render("about", {}, { locale: renderer.negotiate("de-AT") });
 * ```
 */
export function createRenderer(o: RendererOptions): Renderer {
  const folders = o.overlay === undefined ? [views] : [views, o.overlay];
  const copy = loadCopy(folders);
  const eta = compile(folders);
  return {
    render: (name, model, page) => eta.render(`@pages/${name}`, scope(name, model, page, copy, o.assets)),
    negotiate: rememberedLocale(copy.languages),
    messages: (prefix, locale) => copy.group(locale, prefix),
    sentence: (code, locale) => (copy.has(`error.${code}`) ? copy.text(locale, `error.${code}`) : undefined),
  };
}

function rememberedLocale(languages: readonly string[]): Renderer["negotiate"] {
  const negotiate = remembered((asked) => {
    const [uiLocales = "", acceptLanguage = ""] = asked.split("\n");
    return negotiateLocale(acceptLanguage, uiLocales, languages);
  });
  return (acceptLanguage = "", uiLocales = "") => negotiate(`${uiLocales}\n${acceptLanguage}`);
}

function compile(folders: readonly string[]): Eta {
  const eta = new Eta({ autoTrim: false });
  for (const folder of folders) {
    for (const kind of FOLDERS.filter((name) => existsSync(join(folder, name)))) {
      const files = readdirSync(join(folder, kind), { recursive: true, encoding: "utf8" });
      for (const file of files.filter((name) => name.endsWith(".eta"))) {
        load(eta, `@${kind}/${file.slice(0, -".eta".length)}`, join(folder, kind, file), folder === views);
      }
    }
  }
  return eta;
}

function load(eta: Eta, name: string, path: string, isOurs: boolean): void {
  // Indentation is for those who read the template.
  const source = readFileSync(path, "utf8")
    .replace(/\s*\n\s*/g, "\n")
    .trim();
  let compiled: TemplateFunction | undefined;
  const template: TemplateFunction = (...given) => {
    compiled ??= eta.compile(source);
    return compiled.apply(eta, given);
  };
  try {
    if (!isOurs) compiled = eta.compile(source);
    eta.loadTemplate(name, template);
  } catch (cause) {
    throw refuse("configuration_invalid", { detail: `The template ${path} cannot be used.`, cause });
  }
}

function scope(
  view: ViewName,
  model: unknown,
  page: PageOptions,
  copy: Copy,
  assets: Scope["assets"],
): Scope {
  const { locale } = page;
  return {
    view,
    model,
    locale,
    dir: textDirection(locale),
    requestId: page.requestId,
    assets,
    t: (key, values) => copy.text(locale, key, values),
    parts: (key, values) => copy.parts(locale, key, values),
    has: copy.has,
    messages: (prefix) => copy.group(locale, prefix),
    date: (value, style = "day") => formatDate(value, locale, style),
    libraryForm: readLibraryForm,
    isWebLink: (url) => /^https?:\/\//i.test(url) && URL.canParse(url),
  };
}

type DateStyle = "day" | "minute" | "moment";

const DATE_STYLES: Readonly<Record<DateStyle, Intl.DateTimeFormatOptions>> = {
  day: { dateStyle: "long" },
  minute: {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
  },
  moment: { dateStyle: "medium", timeStyle: "long" },
};

/** Dates are UTC: the server knows no one's time zone, and "created" must not depend on where it runs. */
export function formatDate(value: string | number, locale: string, style: DateStyle): string {
  const at = new Date(typeof value === "number" ? value * 1000 : value);
  if (Number.isNaN(at.getTime())) return String(value);
  return new Intl.DateTimeFormat(locale, { ...DATE_STYLES[style], timeZone: "UTC" }).format(at);
}
