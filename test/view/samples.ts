/** One or more models for every view: what a page is like on a usual day, and the variants that look different. */
import type { CeremonyModel, ViewModels, ViewName } from "../../src/view/models.ts";

/** A view with a model, under a name that says what is special about it. */
export type Sample = { [K in ViewName]: { title: string; view: K; model: ViewModels[K] } }[ViewName];

const challenge = "7mXJ0p1cWk2qv4b9eYd3sLr8tUaZnFhG5oKiBxMwPQ0";

const authentication: CeremonyModel = {
  ceremony: "authentication",
  action: "/interaction/Vt8sYq3nRkW/passkey",
  options: {
    challenge,
    rpId: "localhost",
    timeout: 300_000,
    userVerification: "required",
    allowCredentials: [],
  },
};

const registration: CeremonyModel = {
  ceremony: "registration",
  action: "/interaction/Vt8sYq3nRkW/register",
  options: {
    challenge,
    rp: { id: "localhost", name: "Latchkey" },
    user: { id: "c3R1cmR5LWhhbmRsZS1vZi0zMi1ieXRlcy1leGFjdGx5IQ", name: "new", displayName: "" },
    pubKeyCredParams: [
      { type: "public-key", alg: -7 },
      { type: "public-key", alg: -8 },
      { type: "public-key", alg: -257 },
    ],
    timeout: 300_000,
    attestation: "none",
    excludeCredentials: [],
    authenticatorSelection: {
      residentKey: "required",
      requireResidentKey: true,
      userVerification: "required",
    },
  },
};

const app = { name: "Riverside Library", startUrl: "https://library.example/login" };

const passkeys: ViewModels["account"]["passkeys"] = [
  {
    id: "bGFwdG9w",
    name: "iCloud Keychain",
    provider: "iCloud Keychain",
    reported: true,
    synced: true,
    addedBy: "sign_up",
    created: "2026-03-02T09:12:44.000Z",
    lastUsed: "2026-11-21",
  },
  {
    id: "c2VjdXJpdHkta2V5",
    name: "Blue security key in the drawer",
    provider: "YubiKey 5 Series",
    reported: false,
    synced: false,
    created: "2026-10-30T17:40:00.000Z",
  },
];

const signals = {
  rpId: "localhost",
  userId: "c3R1cmR5LWhhbmRsZS1vZi0zMi1ieXRlcy1leGFjdGx5IQ",
  allAcceptedCredentialIds: ["bGFwdG9w", "c2VjdXJpdHkta2V5"],
  name: "jane@example.com",
  displayName: "Jane Rivers",
};

const sessions: ViewModels["account"]["sessions"] = [
  {
    id: "mJq3xY8dTnSgVb2w",
    browser: "Firefox · Linux",
    started: "2026-11-20T08:03:00.000Z",
    seen: "2026-11-21T17:41:00.000Z",
    current: true,
  },
  {
    id: "Zk1uRe5oPc7hLf0a",
    browser: "Mobile Safari · iOS",
    started: "2026-11-02T19:12:00.000Z",
    seen: "2026-11-18T06:30:00.000Z",
    current: false,
  },
  {
    id: "Hs9iWm4tNy6gQd3e",
    started: "2026-11-01T10:00:00.000Z",
    seen: "2026-11-01T10:00:00.000Z",
    current: false,
  },
];

const apps: ViewModels["account"]["apps"] = [
  {
    id: "riverside-library",
    name: "Riverside Library",
    scopes: ["openid", "profile", "email", "library:loans"],
    since: "2026-04-11T12:00:00.000Z",
  },
  { id: "wiki", name: "Wiki", scopes: ["openid"] },
];

const activity: ViewModels["account"]["activity"] = [
  {
    what: "passkey.registered",
    at: "2026-10-30T17:40:00.000Z",
    about: "Blue security key in the drawer",
    address: "2001:db8:85a3::8a2e:370:7334",
    browser: "Firefox · Linux",
  },
  { what: "passkey.removed", at: "2026-09-12T07:15:00.000Z", address: "192.0.2.17" },
  { what: "account.created", at: "2026-03-02T09:12:44.000Z" },
];

const logoutForm = (action: string, secret: string) =>
  `<form id="op.logoutForm" method="post" action="${action}"><input type="hidden" name="xsrf" value="${secret}"/></form>`;

const deviceForm = (code: string) => `<form id="op.deviceInputForm" novalidate method="post" action="/device">
  <input type="hidden" name="xsrf" value="b1946ac92492d2347c6235b4d2611184"/>
  <input
    ${code ? `value="${code}" ` : ""}type="text" name="user_code" placeholder="Enter code" onfocus="this.select(); this.onfocus = undefined;" autofocus autocomplete="off"></input>
  </form>`;

const confirmForm = `<form id="op.deviceConfirmForm" method="post" action="/device">
<input type="hidden" name="xsrf" value="b1946ac92492d2347c6235b4d2611184"/>
<input type="hidden" name="user_code" value="WDJBMJHT"/>
<input type="hidden" name="confirm" value="yes"/>
</form>`;

const claims: ViewModels["demo_claims"]["claims"] = [
  { name: "sub", value: "Yy7cZcB0m0nS5x5oQ1n3vXjS1d0E8a3l2p9uKtWq4rM", source: "id_token" },
  { name: "iss", value: "http://localhost:3000", source: "id_token" },
  { name: "aud", value: "demo", source: "id_token" },
  { name: "exp", value: "1795359600", source: "id_token" },
  { name: "iat", value: "1795356000", source: "id_token" },
  { name: "auth_time", value: "1795355999", source: "id_token" },
  { name: "acr", value: "phr", source: "id_token" },
  { name: "amr", value: '["pop","user","mfa","swk"]', source: "id_token" },
  { name: "at_hash", value: "k9mU2nZ0aQw3eR5t", source: "id_token" },
  { name: "shoe_size", value: "38", source: "id_token" },
  { name: "sub", value: "Yy7cZcB0m0nS5x5oQ1n3vXjS1d0E8a3l2p9uKtWq4rM", source: "userinfo" },
  { name: "name", value: "Jane Rivers", source: "userinfo" },
  { name: "preferred_username", value: "jane", source: "userinfo" },
  { name: "email", value: "jane@example.com", source: "userinfo" },
  { name: "email_verified", value: "false", source: "userinfo" },
];

/** Every view at least once. */
export const samples: Sample[] = [
  {
    title: "signin",
    view: "signin",
    model: {
      ...authentication,
      app,
      signUpUrl: "/interaction/Vt8sYq3nRkW?create=1",
      passwordUrl: "/interaction/Vt8sYq3nRkW/password",
      recoverUrl: "/interaction/Vt8sYq3nRkW/recover",
    },
  },
  {
    title: "signin closed",
    view: "signin",
    model: { ...authentication, recoverUrl: "/interaction/x/recover", loginHint: "jane@example.com" },
  },
  {
    title: "create",
    view: "create",
    model: { ...registration, app, setup: false, signInUrl: "/interaction/x" },
  },
  { title: "create setup", view: "create", model: { ...registration, setup: true } },
  {
    title: "create over",
    view: "create",
    model: {
      ...registration,
      app,
      setup: false,
      over: "jane",
      name: "Jane Rivers",
      email: "jane@example.com",
    },
  },
  {
    title: "consent",
    view: "consent",
    model: {
      app,
      action: "/interaction/Vt8sYq3nRkW/consent",
      account: "jane@example.com",
      scopes: ["openid", "profile", "email", "offline_access", "library:loans"],
    },
  },
  {
    title: "apps",
    view: "apps",
    model: {
      account: "jane@example.com",
      apps: [
        ["Calendar", "C", "https://calendar.example/start?iss=http%3A%2F%2Flocalhost%3A3000"],
        ["Expenses 2", "E2", "https://expenses.example/"],
        ["Expenses 10", "E1", "https://expenses-ten.example/"],
        ["Latchkey demo", "LD", "http://localhost:3000/demo/sign-in"],
        ["Riverside Library", "RL", "https://library.example/login"],
        ["وثائق الفريق", "وا", "https://documents.example/"],
        [
          "Zeitübersicht und Anwesenheitsmeldung der Riverside-Bibliothek",
          "ZU",
          "https://time.intranet.riverside-library.example/launch",
        ],
      ].map(([name = "", initials = "", launchUrl = ""]) => ({
        name,
        initials,
        host: new URL(launchUrl).host,
        launchUrl,
      })),
    },
  },
  { title: "apps, none yet", view: "apps", model: { account: "jane", apps: [] } },
  {
    title: "account",
    view: "account",
    model: {
      account: {
        name: "Jane Rivers",
        username: "jane",
        email: "jane@example.com",
        emailVerified: true,
        mayChangeEmail: true,
        waitingEmail: "jane.rivers@example.com",
      },
      passkeys,
      password: { state: "open" },
      codes: { left: 7, created: "2026-11-20T09:00:00.000Z" },
      signals,
      sessions,
      apps,
      activity,
      notice: "passkey_added",
    },
  },
  {
    title: "account with one passkey",
    view: "account",
    model: {
      account: {
        name: "Jane",
        username: "jane",
        email: "jane@example.com",
        emailVerified: false,
        mayChangeEmail: true,
        deletedAt: "2026-12-05T10:00:00.000Z",
      },
      passkeys: passkeys.slice(1),
      coach: "second",
      password: { state: "closed", since: "2026-11-20T09:00:00.000Z" },
      signals,
      sessions: sessions.slice(0, 1),
      apps: [],
      activity: activity.slice(2),
      codes: { left: 0 },
      repair: {
        by: "code",
        since: "2026-11-20T09:00:00.000Z",
        starts: "2026-11-22T09:00:00.000Z",
        until: "2026-11-29T09:00:00.000Z",
        mayUndo: true,
      },
    },
  },
  {
    title: "account, recovered",
    view: "account",
    model: {
      account: { name: "Jane", username: "jane", emailVerified: false, mayChangeEmail: false },
      passkeys: passkeys.slice(1),
      coach: "here",
      signals,
      sessions: [],
      apps: [],
      activity: [],
      repair: {
        by: "pass",
        since: "2026-11-20T09:00:00.000Z",
        until: "2026-11-27T09:00:00.000Z",
        mayUndo: false,
      },
    },
  },
  {
    title: "confirm",
    view: "confirm",
    model: {
      ...authentication,
      purpose: "remove_passkey",
      autostart: true,
      subject: "Blue security key",
      cancelUrl: "/account",
    },
  },
  {
    title: "confirm adding",
    view: "confirm",
    model: { ...authentication, purpose: "add_passkey", autostart: false, cancelUrl: "/account" },
  },
  { title: "add passkey", view: "add_passkey", model: { ...registration, cancelUrl: "/account" } },
  {
    title: "enrol after a password",
    view: "enrol",
    model: {
      ...registration,
      purpose: "conversion",
      app,
      notNowUrl: "/interaction/Vt8sYq3nRkW/not-now",
      conditional: {
        action: "/interaction/Vt8sYq3nRkW/register?mediation=conditional",
        options: registration.options,
      },
    },
  },
  {
    title: "enrol on the way back",
    view: "enrol",
    model: {
      ...registration,
      purpose: "recovery",
      others: [
        { id: "QUJD", name: "My old phone" },
        { id: "REVG", name: "Blue key" },
      ],
    },
  },
  {
    title: "recover by mail, too",
    view: "recover",
    model: { action: "/sign-in/recover", backUrl: "/sign-in", mailUrl: "/sign-in/send" },
  },
  { title: "mailed", view: "mailed", model: { app, action: "/sign-in/mail", backUrl: "/sign-in/recover" } },
  {
    title: "password, something missing",
    view: "password_guard",
    model: { missing: ["other_passkey"], needs: "one" },
  },
  {
    title: "password, either missing",
    view: "password_guard",
    model: { missing: ["other_passkey", "recovery_codes"], needs: "one" },
  },
  {
    title: "password, both missing",
    view: "password_guard",
    model: { missing: ["other_passkey", "recovery_codes"], needs: "all" },
  },
  { title: "password removed", view: "password_removed", model: {} },
  { title: "enrol by invitation", view: "enrol", model: { ...registration, purpose: "invitation" } },
  {
    title: "second proof by mail",
    view: "second_proof",
    model: { by: "email", action: "/interaction/Vt8sYq3nRkW/confirm", email: "j…@example.com", app },
  },
  {
    title: "second proof by pass",
    view: "second_proof",
    model: { by: "pass", action: "/interaction/Vt8sYq3nRkW/confirm" },
  },
  { title: "prove the new passkey", view: "prove", model: { ...authentication, app } },
  { title: "prove, without an app", view: "prove", model: authentication },
  {
    title: "recover",
    view: "recover",
    model: { app, action: "/interaction/Vt8sYq3nRkW/recover", backUrl: "/interaction/Vt8sYq3nRkW" },
  },
  {
    title: "was this you",
    view: "objection",
    model: {
      app,
      action: "/interaction/Vt8sYq3nRkW/objection",
      passkey: "My old phone",
      since: "2026-11-20T09:00:00.000Z",
    },
  },
  {
    title: "recovery waiting",
    view: "wait",
    model: { app, starts: "2026-11-22T09:00:00.000Z", backUrl: "/interaction/Vt8sYq3nRkW" },
  },
  {
    title: "it was not you",
    view: "undo",
    model: {
      action: "/undo/amFuZQ.Vt8sYq3nRkW",
      account: "jane.rivers",
      since: "2026-11-20T09:00:00.000Z",
      passkeys: ["Google Password Manager", "Blue key"],
    },
  },
  { title: "it was undone", view: "undone", model: { recoverUrl: "/sign-in/recover" } },
  {
    title: "recovery codes",
    view: "recovery_codes",
    model: {
      codes: Array.from({ length: 10 }, (_, at) => `7Q4T${at}-K2M8X-9RZ3B-CD5FG-HJ6NP-1`),
      fileUrl: "/account/recovery-codes/file?permit=x",
      issuer: "id.example.com",
    },
  },
  {
    title: "recovery codes in the middle of a visit",
    view: "recovery_codes",
    model: {
      codes: Array.from({ length: 10 }, (_, at) => `7Q4T${at}-K2M8X-9RZ3B-CD5FG-HJ6NP-1`),
      fileUrl: "/sign-in/codes?permit=x&as=file",
      issuer: "id.example.com",
      continueUrl: "/sign-in/continue",
    },
  },
  {
    title: "confirm new recovery codes",
    view: "confirm",
    model: { ...authentication, purpose: "renew_codes", autostart: false },
  },
  {
    title: "confirm deleting the account",
    view: "confirm",
    model: { ...authentication, purpose: "delete_account", autostart: false, cancelUrl: "/account" },
  },
  {
    title: "verify an address by its code",
    view: "verify_email",
    model: { email: "jane.rivers@example.com", action: "/account/email/verify", failed: true },
  },
  {
    title: "verify an address by its link",
    view: "verify_email",
    model: {
      email: "jane.rivers@example.com",
      action: "/account/email/verify",
      token: "7mXJ0p1cWk2qv4b9eYd3sLr8tUaZnFhG5oKiBxMwPQ0",
      failed: false,
    },
  },
  {
    title: "undo an address",
    view: "undo_email",
    model: { action: "/account/email/undo", id: "jane", token: "7mXJ0p1cWk2qv4b9", done: false },
  },
  {
    title: "address undone",
    view: "undo_email",
    model: { action: "/account/email/undo", id: "", token: "", done: true },
  },
  {
    title: "export",
    view: "export_ready",
    model: { fileUrl: "/account/export/file?permit=x", backUrl: "/account" },
  },
  {
    title: "error",
    view: "error",
    model: { code: "not_found", status: 404, requestId: "01K9Y6K3V5Q1W2E3R4T5Y6U7I8" },
  },
  {
    title: "error expired",
    view: "error",
    model: { code: "interaction_expired", status: 400, requestId: "01K9Y6K3V5Q1W2E3R4T5Y6U7I8", app },
  },
  {
    title: "error of the library",
    view: "error",
    model: {
      code: "unmet_somewhere",
      status: 400,
      detail: "redirect_uri must be one of those that are registered",
      requestId: "01K9Y6K3V5Q1W2E3R4T5Y6U7I8",
    },
  },
  {
    title: "logout",
    view: "logout",
    model: {
      form: logoutForm("http://localhost:3000/session/end/confirm", "9a0364b9e99bb480dd25e1f0284c8555"),
      app,
    },
  },
  { title: "logged out", view: "logged_out", model: { app } },
  { title: "device", view: "device", model: { form: deviceForm("") } },
  { title: "device failed", view: "device", model: { form: deviceForm("WDJB-MJHX"), problem: "failed" } },
  {
    title: "device without access",
    view: "device",
    model: { form: deviceForm(""), problem: "no_access", app },
  },
  { title: "device cancelled", view: "device", model: { form: deviceForm(""), problem: "cancelled" } },
  {
    title: "submit",
    view: "submit",
    model: { form: logoutForm("/stay", "SplxlOBeZQQYbYS6WxSbIA") },
  },
  {
    title: "device confirm",
    view: "device_confirm",
    model: { form: confirmForm, app, userCode: "WDJB-MJHT" },
  },
  { title: "device done", view: "device_done", model: { app } },
  { title: "about", view: "about", model: {} },
  { title: "demo", view: "demo", model: { signInUrl: "/demo/sign-in" } },
  {
    title: "demo claims",
    view: "demo_claims",
    model: { claims, againUrl: "/demo/sign-in?fresh=1", signOutUrl: "/demo/sign-out" },
  },
];

// These are words of ours, and forms of the library's.
const OURS: ReadonlySet<string> = new Set([
  "what",
  "addedBy",
  "ceremony",
  "purpose",
  "notice",
  "source",
  "form",
  "missing",
  "coach",
  "by",
]);

/** The sample with every string that can come from outside replaced, in a form's attributes too. */
export function hostile(sample: Sample, text: string): Sample {
  return { ...sample, model: spoil(sample.model, text) } as Sample;
}

function spoil(value: unknown, text: string): unknown {
  if (typeof value === "string") return text;
  if (Array.isArray(value)) return value.map((item) => spoil(item, text));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => {
    if (key === "form")
      return [key, String(inner).replace(/(action|value)="[^"]*"/g, `$1="${escapeHtml(text)}"`)];
    return [key, OURS.has(key) ? inner : spoil(inner, text)];
  });
  return Object.fromEntries(entries);
}

/** As the library does it. */
function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
