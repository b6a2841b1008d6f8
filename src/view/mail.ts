/** Mails: each in plain text and in HTML, with the texts of one language. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Eta } from "eta";
import { refuse } from "../errors.ts";
import { type Copy, loadCopy, type Values } from "./copy.ts";
import { DEFAULT_LOCALE, textDirection } from "./locale.ts";
import { formatDate } from "./render.ts";

/** What each mail is given. `kind` chooses its words: `mail.<name>.<kind>` in the texts. */
export interface MailModels {
  /** Something happened to the account, perhaps in the owner's name. */
  notice: {
    kind: string;
    /** How the account calls itself. */
    account: string;
    /** Milliseconds since the epoch. */
    at: number;
    about?: string;
    /** Where it is undone, if it can be. */
    undo?: string;
    /** Where its owner looks at it, if that still opens. */
    accountUrl?: string;
    issuer: string;
  };
  /** A link that works once, a code to be typed, or both, of which either will do. */
  proof: {
    kind: string;
    account: string;
    link?: { url: string; minutes: number };
    code?: string;
    issuer: string;
  };
}

export type MailName = keyof MailModels;

/** A mail as it is sent. */
export interface MailText {
  subject: string;
  text: string;
  html: string;
}

export interface MailRenderer {
  render<K extends MailName>(name: K, model: MailModels[K], locale: string | undefined): MailText;
}

const views = fileURLToPath(new URL("../../views/", import.meta.url));

/** Compiles the templates in `mail/`; `configuration_invalid` when one of them cannot be used. */
export function createMailRenderer(o: { overlay?: string } = {}): MailRenderer {
  const folders = o.overlay === undefined ? [views] : [views, o.overlay];
  const copy = loadCopy(folders);
  const html = compile(folders, ".html.eta", true);
  const text = compile(folders, ".text.eta", false);
  return {
    render(name, model, wanted) {
      const locale = wanted !== undefined && copy.languages.includes(wanted) ? wanted : DEFAULT_LOCALE;
      const scope = scopeOf(name, model, locale, copy);
      return {
        subject: copy.text(locale, `mail.${name}.${model.kind}.subject`),
        text: `${text.render(`@mail/${name}`, scope).trim()}\n`,
        html: html.render(`@mail/${name}`, scope),
      };
    },
  };
}

function compile(folders: readonly string[], ending: string, autoEscape: boolean): Eta {
  const eta = new Eta({ autoTrim: false, autoEscape });
  for (const folder of folders.map((views) => join(views, "mail")).filter((mail) => existsSync(mail))) {
    for (const file of readdirSync(folder).filter((name) => name.endsWith(ending))) {
      const path = join(folder, file);
      try {
        eta.loadTemplate(`@mail/${file.slice(0, -ending.length)}`, readFileSync(path, "utf8"));
      } catch (cause) {
        throw refuse("configuration_invalid", { detail: `The template ${path} cannot be used.`, cause });
      }
    }
  }
  return eta;
}

function scopeOf(name: MailName, model: object, locale: string, copy: Copy) {
  return {
    name,
    model,
    locale,
    dir: textDirection(locale),
    t: (key: string, values?: Values) => copy.text(locale, key, values),
    moment: (at: number) => formatDate(at / 1000, locale, "moment"),
  };
}
