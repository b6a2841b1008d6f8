/** What a form says and shows while it is at work. Every text comes with the page; there is none in here. */

/** Says what goes on (`role=status`). */
export function announce(form: HTMLFormElement, key: string): void {
  fill(form, "[role=alert]", "");
  fill(form, "[role=status]", text(form, key));
}

/** Says what went wrong (`role=alert`): a text of the page by its key, or the server's own words. */
export function alarm(form: HTMLFormElement, words: { key: string } | { said: string }): void {
  fill(form, "[role=status]", "");
  fill(form, "[role=alert]", "key" in words ? text(form, words.key) : words.said);
}

/** Takes back what was said. */
export function hush(form: HTMLFormElement): void {
  fill(form, "[role=alert]", "");
  fill(form, "[role=status]", "");
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

/** While busy, the buttons rest; afterwards the keyboard is back where it was. */
export function setBusy(form: HTMLFormElement, busy: boolean): void {
  const buttons = [...form.querySelectorAll<HTMLButtonElement>("button[type=submit]")];
  if (busy) form.dataset.focus = String(buttons.indexOf(document.activeElement as HTMLButtonElement));
  form.ariaBusy = String(busy);
  for (const button of buttons) button.disabled = busy;
  if (!busy) buttons[Number(form.dataset.focus ?? -1)]?.focus();
}

/** Marks the field that a refusal is about: `email_invalid` is about `email`. */
export function blame(form: HTMLFormElement, code: unknown): void {
  const field = form.elements.namedItem(String(code).split("_")[0] ?? "");
  if (!(field instanceof HTMLInputElement)) return;
  field.ariaInvalid = "true";
  field.closest("details")?.setAttribute("open", "");
  field.focus();
}

function fill(form: HTMLFormElement, selector: string, words: string): void {
  const element = form.querySelector(selector);
  if (element !== null && element.textContent !== words) element.textContent = words;
}

function text(form: HTMLFormElement, key: string): string {
  const messages = JSON.parse(form.dataset.messages ?? "{}");
  return messages[key] ?? messages.failed ?? "";
}
