/** Where a request comes from, in words for the owner of an account. */
import Bowser from "bowser";
import type { Context } from "koa";
import type { Origin } from "../../events.ts";
import { remembered } from "../../remembered.ts";
import type { RequestState } from "./request.ts";

/** Longer ones are cut before anything is read out of them. */
const AGENT_LENGTH = 256;

/** What a browser calls itself: "Firefox on Linux"; `undefined` for what is no browser that we know. */
export function browserName(userAgent: string): string | undefined {
  return userAgent === "" ? undefined : nameOf(userAgent.slice(0, AGENT_LENGTH));
}

/** The library tries some hundred patterns, one after another. */
const nameOf = remembered(function nameOf(agent: string): string | undefined {
  const { browser, os } = Bowser.parse(agent);
  const words = [browser.name, os.name].filter((word) => word !== undefined && word !== "");
  // Both are the library's own words, whatever the browser said.
  return words.length === 0 ? undefined : words.join(" · ");
});

/** The origin of the request that is being answered. */
export function originOf(ctx: Context | undefined): Origin | undefined {
  const { address } = (ctx?.state ?? {}) as Partial<RequestState>;
  if (ctx === undefined || address === undefined) return undefined;
  const browser = browserName(ctx.get("user-agent"));
  return { address, ...(browser === undefined ? {} : { browser }) };
}
