/** The page's ceremony: what it asks for, what was typed into it, and how it gets a new challenge. */

export const CEREMONY = "form[data-ceremony]";

/** The ceremony of this page, as long as the page lives. */
export interface Page {
  readonly form: HTMLFormElement;
  readonly ceremony: "authentication" | "registration";
  /** Where the answer is posted, and the options as JSON: a renewed page has new ones. */
  readonly action: string;
  readonly options: string;
  /** Starts its ceremony when it opens, without a press of the button. */
  readonly autostart: boolean;
  /** True while a renewal is owed, because the last one found the service away. */
  stale: boolean;
}

export function openPage(form: HTMLFormElement): Page {
  return {
    form,
    ceremony: form.dataset.ceremony === "registration" ? "registration" : "authentication",
    get action() {
      return form.dataset.action ?? "";
    },
    get options() {
      return form.dataset.options ?? "{}";
    },
    autostart: form.dataset.autostart !== undefined,
    stale: false,
  };
}

/** The form's fields that were filled in. */
export function typed(page: Page): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [name, value] of new FormData(page.form)) {
    if (typeof value !== "string" || value.trim() === "") continue;
    // Boxes that are ticked under one name are a list.
    fields[name] = [fields[name], value.trim()].filter(Boolean).join(",");
  }
  return fields;
}

/**
 * Takes a new challenge from the same page, asked again; what was typed stays. A page that is over (expired, or done
 * in another tab) is shown as it is now.
 */
export async function renew(page: Page): Promise<void> {
  page.stale = true;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
    if (answer.status === 429 || answer.status >= 500) return;
    const fresh = answer.redirected ? undefined : await ceremonyIn(answer);
    if (fresh?.dataset.ceremony !== page.ceremony) {
      location.reload();
      return;
    }
    Object.assign(page.form.dataset, { action: fresh.dataset.action, options: fresh.dataset.options });
    page.stale = false;
  } catch {
    // Away: the page owes itself a renewal before the next ceremony.
  }
}

async function ceremonyIn(answer: Response): Promise<HTMLElement | undefined> {
  const document = new DOMParser().parseFromString(await answer.text(), "text/html");
  return document.querySelector<HTMLElement>(CEREMONY) ?? undefined;
}
