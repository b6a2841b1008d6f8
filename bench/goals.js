/** The goals that are measured here, and what each is called in the table. `first` is the first step towards `goal`. */
export const goals = {
  p1: {
    title:
      "complete passkey sign-in over Redis, CPU relative to bare oidc-provider in memory (no passkey, no store)",
    first: 1.15,
    goal: 1,
  },
  p2: {
    title: "Redis round trips awaited one after another, `GET /auth` to the token response",
    first: 18,
    goal: 13,
    session: 7,
    refresh: 4,
    userinfo: 2,
  },
  p3: {
    title: "the same sign-in, CPU relative to better-auth (passkey + oauth-provider, SQLite in memory)",
    goal: 0.14,
  },
  p7: { title: "sign-in page as sent: one document, one stylesheet, one script", goal: 12_000 },
  p8: { title: "start and memory, beyond bare oidc-provider in the same run", start: 300, memory: 32 },
};

/** CPU of one sign-in at bare oidc-provider on the machine that the goals were set on, in milliseconds. */
export const referenceBare = 6.2;
