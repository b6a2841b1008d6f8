/**
 * The one client script: runs the ceremony of the page, posts the answer, and goes where the server says.
 *
 * Options travel in the page, so nothing is fetched before the prompt. A refused answer has spent its challenge: the
 * page then asks for itself again and takes over the new one.
 */
import { browserSupportsWebAuthn, browserSupportsWebAuthnAutofill } from "@simplewebauthn/browser";
import { type Answer, forget, meaning, runCeremony } from "./ceremony.ts";
import { startDecision } from "./decision.ts";
import { fillFromFragment } from "./fragment.ts";
import { CEREMONY, openPage, type Page, renew, typed } from "./page.ts";
import { openPasswordPart } from "./password.ts";
import { complaint, destination, send } from "./send.ts";
import { alarm, announce, blame, hush, setBusy } from "./speak.ts";
import { makeSilently } from "./upgrade.ts";

// An authenticator that answers without asking anybody must not send a refused answer for ever.
const MOST_REFUSALS = 5;
let refusals = 0;
let running = false;

const form = document.querySelector<HTMLFormElement>(CEREMONY);
if (form !== null) start(openPage(form));
fillFromFragment();
document.querySelector("[data-print]")?.addEventListener("click", () => print());
// A form of the provider that is on its way to somewhere else; the button is for who has no script.
document.querySelector<HTMLFormElement>("form[data-submit]")?.submit();
for (const decision of document.querySelectorAll<HTMLFormElement>("form[data-decision]"))
  startDecision(decision);

function start(page: Page): void {
  const password = openPasswordPart(page.form);
  page.form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!password?.isMeant(event)) void prompt(page);
    else if (page.form.ariaBusy !== "true") void password.send();
  });
  // Restored by the browser's back button: its challenge may be spent.
  addEventListener("pageshow", (event) => {
    if (event.persisted) void wake(page);
  });
  if (!browserSupportsWebAuthn()) alarm(page.form, { key: isSecureContext ? "unsupported" : "misplaced" });
  else if (page.autostart) whenVisible(() => void prompt(page));
  else void suggest(page);
  void upgrade(page);
}

async function wake(page: Page): Promise<void> {
  hush(page.form);
  await renew(page);
  work(page, false);
  await suggest(page);
}

/** Browsers refuse a prompt from a page that nobody looks at. */
function whenVisible(act: () => void): void {
  if (document.visibilityState === "visible") act();
  else document.addEventListener("visibilitychange", act, { once: true });
}

/** Conditional mediation: offers passkeys where the name is typed, and stays silent otherwise. */
async function suggest(page: Page): Promise<void> {
  const field = page.form.querySelector("input[autocomplete$='webauthn']");
  if (field === null || running || page.stale || refusals >= MOST_REFUSALS) return;
  if (!(await browserSupportsWebAuthnAutofill()) || running) return;
  let answer: Answer;
  try {
    answer = await runCeremony(page, true);
  } catch {
    return;
  }
  work(page, true);
  await deliver(page, answer);
}

/** The button: a modal ceremony, which ends a pending conditional one. */
async function prompt(page: Page): Promise<void> {
  if (running) return;
  hush(page.form);
  work(page, true);
  announce(page.form, "waiting");
  if (page.stale) await renew(page);
  let answer: Answer;
  try {
    answer = await runCeremony(page, false);
  } catch (error) {
    const key = meaning(error);
    if (key === undefined) hush(page.form);
    else alarm(page.form, { key });
    work(page, false);
    return suggest(page);
  }
  await deliver(page, answer);
}

/** What the password manager made by itself; where that comes to nothing, the page is as if it had not been asked. */
async function upgrade(page: Page): Promise<void> {
  const made = await makeSilently(page.form);
  if (made === undefined || running) return;
  work(page, true);
  announce(page.form, "done");
  const reply = await send(made.action, { response: made.response });
  const next = destination(reply);
  if (next !== undefined) {
    location.assign(next);
    return;
  }
  if (reply.body.signal === "unknown") await forget(page, made.response);
  hush(page.form);
  work(page, false);
}

/** Posts the answer; the form's fields go with a registration. */
async function deliver(page: Page, response: Answer): Promise<void> {
  announce(page.form, "done");
  const fields = page.ceremony === "registration" ? typed(page) : {};
  const reply = await send(page.action, { ...fields, response });
  const next = destination(reply);
  if (next !== undefined) {
    location.assign(next);
    return;
  }
  refusals++;
  if (reply.body.signal === "unknown") await forget(page, response);
  alarm(page.form, complaint(reply));
  await renew(page);
  work(page, false);
  if (page.ceremony === "registration") blame(page.form, reply.body.code);
  await suggest(page);
}

function work(page: Page, busy: boolean): void {
  running = busy;
  setBusy(page.form, busy);
}
