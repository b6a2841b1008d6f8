/** The legacy password on the sign-in page: a part of its form that opens when it is asked for. */
import { complaint, destination, send } from "./send.ts";
import { alarm, announce, hush, setBusy } from "./speak.ts";

export interface PasswordPart {
  /** Whether a submit of the form means the password: its own button, or Enter in its field. */
  isMeant(event: SubmitEvent): boolean;
  /** Posts what was typed; a refusal leaves everything as it is, but for the password to type again. */
  send(): Promise<void>;
}

/** The part of this form, if it has one. */
export function openPasswordPart(form: HTMLFormElement): PasswordPart | undefined {
  const part = form.querySelector<HTMLElement>("[data-password]");
  const opener = part?.querySelector<HTMLButtonElement>("[aria-controls]");
  const field = part?.querySelector<HTMLInputElement>("input");
  const name = form.elements.namedItem("username");
  if (!part || !opener || !field || !(name instanceof HTMLInputElement)) return undefined;
  opener.addEventListener("click", () => {
    opener.hidden = true;
    (field.closest("[hidden]") as HTMLElement).hidden = false;
    (name.value.trim() === "" ? name : field).focus();
  });
  return {
    isMeant: ({ submitter }) =>
      (submitter instanceof HTMLButtonElement && submitter.value === "password") ||
      document.activeElement === field,
    async send() {
      hush(form);
      setBusy(form, true);
      announce(form, "done");
      const typed = { username: name.value.trim(), password: field.value };
      const reply = await send(part.dataset.password ?? "", typed);
      const next = destination(reply);
      if (next !== undefined) {
        location.assign(next);
        return;
      }
      alarm(form, complaint(reply));
      setBusy(form, false);
      field.select();
      field.focus();
    },
  };
}
