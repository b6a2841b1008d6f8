/**
 * A form that ends at an app: posted as JSON and left by `location`, because browsers hold `form-action` against every
 * redirect behind a plain form, and where an app sends people on is nobody else's business.
 */
import { complaint, destination, send } from "./send.ts";
import { alarm, announce, setBusy } from "./speak.ts";

/** Takes over the form; a second press while one is under way does nothing. */
export function startDecision(form: HTMLFormElement): void {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (form.ariaBusy !== "true") void decide(form, event.submitter);
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}

async function decide(form: HTMLFormElement, submitter: HTMLElement | null): Promise<void> {
  const fields = Object.fromEntries(new FormData(form, submitter));
  setBusy(form, true);
  announce(form, "waiting");
  const reply = await send(form.dataset.decision ?? "", fields);
  const next = destination(reply);
  if (next !== undefined) {
    location.assign(next);
    return;
  }
  alarm(form, complaint(reply));
  setBusy(form, false);
}
