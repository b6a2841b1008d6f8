/**
 * The forms that `oidc-provider` hands to the pages it asks us for, taken apart.
 *
 * Its markup is not printed as it comes: the device form has an inline event handler, which our content security
 * policy refuses, an English placeholder, and no label.
 */

/** A form as data, for `partials/library-form.eta`. */
export interface LibraryForm {
  action: string;
  hidden: { name: string; value: string }[];
  /** What was typed before, on the page that asks for the device's code. */
  userCode: string;
}

/** Reads one of the library's forms. Anything else is a `TypeError`. */
export function readLibraryForm(html: string): LibraryForm {
  const action = /^<form\s[^>]*\baction="([^"]*)"/.exec(html)?.[1];
  if (action === undefined) throw new TypeError("form must be one that oidc-provider made");
  const inputs = [...html.matchAll(/<input\b([^>]*)>/g)].map(([, attributes = ""]) => ({
    type: attribute(attributes, "type"),
    name: attribute(attributes, "name"),
    value: attribute(attributes, "value"),
  }));
  return {
    action: decode(action),
    hidden: inputs.filter(({ type }) => type === "hidden").map(({ name, value }) => ({ name, value })),
    userCode: inputs.find(({ type, name }) => type !== "hidden" && name === "user_code")?.value ?? "",
  };
}

function attribute(attributes: string, name: string): string {
  return decode(new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "");
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

function decode(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (entity, name: string) => ENTITIES[name] ?? entity);
}
