/** Posting JSON to our own server, and what came back. */

/** What the server answered; `status` is 0 when nothing came back. */
export interface Reply {
  status: number;
  body: Record<string, unknown>;
}

/** Never throws. */
export async function send(action: string, content: unknown): Promise<Reply> {
  try {
    const answer = await fetch(action, {
      method: "POST",
      credentials: "same-origin",
      headers: {
        "content-type": "application/json",
        accept: "application/json, application/problem+json",
        // The answer's words are in the page's language.
        "accept-language": document.documentElement.lang,
      },
      body: JSON.stringify(content),
    });
    return { status: answer.status, body: await answer.json().catch(() => ({})) };
  } catch {
    return { status: 0, body: {} };
  }
}

/** Where the browser goes next, when all went well. */
export function destination({ status, body }: Reply): string | undefined {
  return status === 200 && typeof body.location === "string" ? body.location : undefined;
}

/** What to say of a refusal: the server's own words (RFC 9457), else a text of the page. */
export function complaint({ status, body }: Reply): { key: string } | { said: string } {
  const said = [body.title, body.detail].filter((words) => typeof words === "string").join(" ");
  return said === "" ? { key: status === 0 ? "offline" : "failed" } : { said };
}
