/** What a refused ceremony says in labels: the way somebody tried to sign in, and why it was refused. */
import type { Event, Way } from "../events.ts";

/** By the last part of where the answer went, or what the ceremony was for. */
const WAYS: Readonly<Record<string, Way>> = {
  "sign-in": "passkey",
  passkey: "passkey",
  password: "password",
  recover: "recovery",
  mail: "recovery",
  "sign-up": "sign_up",
  setup: "setup",
  invite: "invitation",
  confirm: "conversion",
};

/** The way of signing in that was refused; undefined where the proof was for something else. */
export function wayRefused({ detail }: Event): Way | undefined {
  const place = String(detail?.action ?? "").replace(/\/:token$/, "");
  return WAYS[place.slice(place.lastIndexOf("/") + 1)];
}

/** Our own words: reasons, codes, and the library's errors. Whatever else came here is none of them. */
export function word(text: unknown): string {
  return typeof text === "string" && /^[a-z_]{1,48}$/.test(text) ? text : "other";
}
