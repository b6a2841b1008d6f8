/** The client script in a real browser with a virtual authenticator, against answers the test scripts. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ViewModels } from "../../src/view/models.ts";
import {
  browserSkipped,
  launchChromium,
  type VirtualAuthenticator,
  virtualAuthenticator,
} from "../support/chromium.ts";
import { eventually, openSite, type Site, type SiteReply, type SiteRequest } from "./site.ts";

const RP_ID = "localhost";
const HANDLE = Buffer.from("a user handle of thirty-two byte").toString("base64url");

const problem = (status: number, members: object): SiteReply => ({
  status,
  json: { type: "urn:latchkey:error:x", status, title: "That didn't work.", ...members },
});

describe.skipIf(browserSkipped)("the client script", () => {
  let browser: Browser;
  let site: Site;
  let page: Page;
  let authenticator: VirtualAuthenticator;
  let complaints: string[];
  /** The answer to the next POSTs, in order; the last one stays. */
  let replies: SiteReply[];
  let challenges: number;
  /** How long a ceremony waits for the authenticator, in milliseconds. */
  let timeout: number;
  let show: () => SiteReply;

  beforeAll(async () => {
    [browser, site] = await Promise.all([launchChromium(), openSite()]);
  });

  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  beforeEach(async () => {
    complaints = [];
    replies = [{ json: { location: "/welcome" } }];
    challenges = 0;
    timeout = 60_000;
    show = signin;
    site.requests.length = 0;
    site.answer = ({ method, path }) => {
      if (path === "/welcome") return { html: "<!doctype html><title>Welcome</title>" };
      if (method === "POST") return replies.length > 1 ? replies.shift()! : replies[0]!;
      return path === "/page" ? show() : { status: 404, html: "" };
    };
    const context = await browser.newContext({ locale: "de-DE" });
    page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.addInitScript(() => {
      const { get } = CredentialsContainer.prototype;
      CredentialsContainer.prototype.get = function (options) {
        const pending = get.call(this, options);
        document.documentElement.dataset.pending = options?.mediation ?? "modal";
        return pending;
      };
    });
    authenticator = await virtualAuthenticator(page, { automaticPresenceSimulation: false });
  });

  afterEach(async () => {
    await page.context().close();
    expect(complaints).toEqual([]);
  });

  const challenge = () => Buffer.from(`challenge number ${challenges}`).toString("base64url");

  function authentication() {
    challenges++;
    const options = { challenge: challenge(), rpId: RP_ID, timeout, userVerification: "required" };
    return { ceremony: "authentication" as const, action: `/answer/${challenges}`, options };
  }

  function registration(exclude: string[] = []) {
    challenges++;
    return {
      ceremony: "registration" as const,
      action: `/answer/${challenges}`,
      options: {
        challenge: challenge(),
        rp: { id: RP_ID, name: "Latchkey" },
        user: { id: HANDLE, name: "Latchkey", displayName: "Latchkey" },
        pubKeyCredParams: [{ type: "public-key", alg: -7 }],
        timeout: 60_000,
        authenticatorSelection: {
          residentKey: "required",
          requireResidentKey: true,
          userVerification: "required",
        },
        excludeCredentials: exclude.map((id) => ({ type: "public-key", id })),
      },
    };
  }

  function signin(extra: Partial<ViewModels["signin"]> = {}): SiteReply {
    return site.page("signin", { ...authentication(), recoverUrl: "/recover", ...extra });
  }

  function create(exclude: string[] = []): SiteReply {
    return site.page("create", { ...registration(exclude), setup: false });
  }

  /** Gives the authenticator a passkey, as if it had been made here before. */
  async function enrol(): Promise<string> {
    const id = Buffer.from("a credential id of 32 bytes, yes");
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]);
    await authenticator.addCredential({
      credentialId: id.toString("base64"),
      isResidentCredential: true,
      rpId: RP_ID,
      privateKey: Buffer.from(await crypto.subtle.exportKey("pkcs8", pair.privateKey)).toString("base64"),
      userHandle: Buffer.from(HANDLE, "base64url").toString("base64"),
      signCount: 0,
      backupEligibility: true,
      backupState: true,
    });
    return id.toString("base64url");
  }

  const open = () => page.goto(`${site.origin}/page`);
  const button = () => page.locator("[data-ceremony] button");
  const alert = () => page.getByRole("alert");
  const status = () => page.locator("[role=status]");
  const arrived = () => page.waitForURL("**/welcome");
  const pending = () => page.locator("html").getAttribute("data-pending");
  /** Opens the sign-in page, waits until it offers passkeys by autofill, and lets the authenticator answer from now on. */
  async function openOffering(): Promise<void> {
    await open();
    await eventually(pending).toBe("conditional");
    await authenticator.setPresence(true);
  }
  /** The script is at rest: the button can be pressed. */
  const rested = () => eventually(() => button().isEnabled()).toBe(true);
  const gets = () => site.requests.filter(({ method, path }) => method === "GET" && path === "/page").length;

  function answered(request: SiteRequest | undefined): { id: string; challenge: string } {
    const response = request?.body.response as { id: string; response: { clientDataJSON: string } };
    const clientData = JSON.parse(Buffer.from(response.response.clientDataJSON, "base64url").toString());
    return { id: response.id, challenge: Buffer.from(clientData.challenge, "base64url").toString() };
  }

  describe("on the sign-in page", () => {
    it("offers passkeys by autofill as soon as the page is open", async () => {
      const id = await enrol();
      await authenticator.setPresence(true);
      await open();
      await arrived();
      const [post, ...more] = site.posts();
      expect(more).toEqual([]);
      expect(post?.path).toBe("/answer/1");
      expect(Object.keys(post?.body ?? {})).toEqual(["response"]);
      expect(answered(post)).toEqual({ id, challenge: "challenge number 1" });
    });

    it("asks for the answer's words in the page's language, not the browser's", async () => {
      await enrol();
      await authenticator.setPresence(true);
      await open();
      await arrived();
      expect(site.posts()[0]?.headers["accept-language"]).toBe("en");
      expect(site.requests[0]?.headers["accept-language"]).toContain("de");
    });

    it("SEC-38 ends the pending autofill when the button is pressed, and posts one answer", async () => {
      await enrol();
      await openOffering();
      await button().click();
      await arrived();
      expect(site.posts().length).toBe(1);
    });

    it("takes a new challenge after a refusal, and is accepted with it", async () => {
      await enrol();
      replies = [problem(401, { code: "authentication_failed" }), ...replies];
      await openOffering();
      await button().click();
      await arrived();
      expect(site.posts().map(({ path }) => path)).toEqual(["/answer/1", "/answer/2"]);
      expect(site.posts().map((post) => answered(post).challenge)).toEqual([
        "challenge number 1",
        "challenge number 2",
      ]);
      expect(gets()).toBe(2);
    });

    it("says what the server said, keeps what was typed, and gives the keyboard back", async () => {
      await enrol();
      replies = [problem(401, { detail: "Try another one." })];
      await openOffering();
      await page.getByLabel("Email or username").fill("jane");
      await button().click();
      await eventually(() => site.posts().length).toBe(5);
      await rested();
      expect(await alert().textContent()).toBe("That didn't work. Try another one.");
      expect(await page.getByLabel("Email or username").inputValue()).toBe("jane");
      await eventually(() => button().evaluate((element) => element === document.activeElement)).toBe(true);
    });

    it("stops offering by itself after five refusals, while the button still works", async () => {
      await enrol();
      await authenticator.setPresence(true);
      replies = [problem(401, {})];
      await open();
      await eventually(() => site.posts().length).toBe(5);
      await rested();
      await button().click();
      await eventually(() => gets()).toBe(7);
      await rested();
      expect(site.posts().length).toBe(6);
    });

    it("SEC-23 tells the password manager about a passkey that nobody knows", async () => {
      await enrol();
      replies = [problem(401, { signal: "unknown" })];
      await openOffering();
      await button().click();
      await eventually(() => authenticator.credentials().then(({ length }) => length)).toBe(0);
    });

    it("SEC-141 leaves the passkey alone when the server does not say that nobody knows it", async () => {
      await enrol();
      replies = [problem(401, {})];
      await openOffering();
      await button().click();
      await eventually(() => site.posts().length).toBe(5);
      await rested();
      expect((await authenticator.credentials()).length).toBe(1);
    });

    it("stays calm when no passkey was used, and asks the server nothing", async () => {
      await enrol();
      timeout = 200;
      await open();
      await button().click();
      await eventually(() => alert().textContent()).toContain("No passkey was used.");
      await rested();
      expect(site.requests.map(({ method }) => method)).toEqual(["GET"]);
      expect(await status().textContent()).toBe("");
      // Autofill is offered again.
      await eventually(pending).toBe("conditional");
    });

    it("says that it is waiting, and rests the button meanwhile", async () => {
      await enrol();
      await open();
      await button().click();
      await eventually(pending).toBe("modal");
      expect(await status().textContent()).toBe("Waiting for your passkey…");
      expect(await button().isDisabled()).toBe(true);
      expect(await page.locator("[data-ceremony]").getAttribute("aria-busy")).toBe("true");
    });

    it("says that the service is away, and renews the page before the next try", async () => {
      await enrol();
      const { answer } = site;
      await openOffering();
      site.answer = () => ({ drop: true });
      await button().click();
      await eventually(() => alert().textContent()).toContain("The service cannot be reached.");
      await rested();
      site.answer = answer;
      await button().click();
      await arrived();
      expect(site.posts().at(-1)?.path).toBe("/answer/2");
    });

    it("shows the page as it is now when it turns out to be over", async () => {
      await enrol();
      replies = [problem(400, { code: "interaction_expired" })];
      await openOffering();
      show = () => ({
        status: 400,
        ...(site.page("error", { code: "interaction_expired", status: 400, requestId: "r-1" }) as {
          html: string;
        }),
      });
      await button().click();
      await page.getByRole("heading", { name: "This sign-in page is no longer valid." }).waitFor();
    });

    it("does not take over the ceremony of another page it was sent to", async () => {
      await enrol();
      replies = [problem(401, { code: "session_required" })];
      await openOffering();
      const { answer } = site;
      show = () => ({ redirect: "/elsewhere" });
      site.answer = (request) =>
        request.path === "/elsewhere"
          ? site.page("signin", { ...authentication(), recoverUrl: "/" })
          : answer(request);
      await button().click();
      await page.waitForURL("**/elsewhere");
    });

    it("renews itself when the browser brings it back from its history", async () => {
      await open();
      await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
      await eventually(() => page.locator("[data-ceremony]").getAttribute("data-action")).toBe("/answer/2");
      await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: false })));
      expect(gets()).toBe(2);
    });
  });

  describe("on a page that makes a passkey", () => {
    beforeEach(async () => {
      show = create;
      await authenticator.setPresence(true);
    });

    it("posts the form's fields beside the answer and names the passkey after them", async () => {
      await open();
      await page.evaluate(() => {
        const { create } = CredentialsContainer.prototype;
        CredentialsContainer.prototype.create = function (options) {
          document.title = JSON.stringify(options?.publicKey?.user, ["name", "displayName"]);
          return create.call(this, options);
        };
      });
      await page.getByLabel("Name", { exact: true }).fill(" Jane Rivers ");
      await page.getByLabel("Email").fill("jane@example.com");
      replies = [problem(503, { code: "store_unavailable" })];
      await button().click();
      await eventually(() => alert().textContent()).not.toBe("");
      expect(JSON.parse(await page.title())).toEqual({
        name: "jane@example.com",
        displayName: "Jane Rivers",
      });
      const { response, ...fields } = site.posts()[0]!.body;
      expect(fields).toEqual({ name: "Jane Rivers", email: "jane@example.com" });
      expect((response as { type: string }).type).toBe("public-key");
    });

    it("goes to the app with the passkey it made", async () => {
      await open();
      await page.getByLabel("Email").fill("jane@example.com");
      await button().click();
      await arrived();
      expect((await authenticator.credentials()).length).toBe(1);
    });

    it("asks for nothing while a field is not right", async () => {
      await open();
      await page.getByLabel("Email").fill("jane");
      await button().click();
      expect(await page.getByLabel("Email").evaluate((field: HTMLInputElement) => field.validity.valid)).toBe(
        false,
      );
      expect((await authenticator.credentials()).length).toBe(0);
      await page.getByLabel("Email").fill("jane@example.com");
      await button().click();
      await arrived();
    });

    it("shows which field was refused, and works at the second try", async () => {
      replies = [problem(409, { code: "username_taken", title: "This username is taken." }), ...replies];
      await open();
      await page.getByLabel("Email").fill("jane@example.com");
      await page.getByText("Choose a username").click();
      await page.getByLabel("Username").fill("jane");
      await page.getByText("Choose a username").click();
      await button().click();
      await eventually(() => alert().textContent()).toBe("This username is taken.");
      const field = page.getByLabel("Username");
      await eventually(() => field.getAttribute("aria-invalid")).toBe("true");
      await eventually(() => field.evaluate((element) => element === document.activeElement)).toBe(true);
      await field.fill("jane2");
      await button().click();
      await arrived();
      expect(site.posts().map(({ body }) => body.username)).toEqual(["jane", "jane2"]);
      expect(answered(site.posts()[1]).challenge).toBe("challenge number 2");
    });

    it("says so when the device has a passkey for the account already", async () => {
      const id = await enrol();
      show = () => create([id]);
      await open();
      await page.getByLabel("Email").fill("jane@example.com");
      await button().click();
      await expect
        .poll(() => alert().textContent())
        .toBe("This device already has a passkey for this account.");
      expect(site.posts()).toEqual([]);
    });

    it("starts at once where the page says so", async () => {
      show = () => site.page("add_passkey", { ...registration(), cancelUrl: "/account" });
      await open();
      await arrived();
      expect(Object.keys(site.posts()[0]!.body)).toEqual(["response"]);
    });
  });

  describe("after a password", () => {
    // A headless browser cannot make a passkey by itself; what it would do stands behind its interface.
    const browserThat = (answer: "makes one" | "refuses" | "still thinks" | "knows nothing of it") =>
      page.addInitScript((how) => {
        const modal = CredentialsContainer.prototype.create;
        PublicKeyCredential.getClientCapabilities = async () => ({
          conditionalCreate: how !== "knows nothing of it",
        });
        CredentialsContainer.prototype.create = function (options = {}) {
          const { publicKey, signal } = options;
          if (!publicKey || !("mediation" in options)) return modal.call(this, options);
          document.documentElement.dataset.asked = publicKey.authenticatorSelection?.userVerification;
          if (how === "makes one") return modal.call(this, { publicKey });
          return new Promise((_, reject) => {
            if (how === "refuses") reject(new DOMException("no", "NotAllowedError"));
            signal?.addEventListener("abort", () => reject(signal.reason));
          });
        };
      }, answer);
    const asked = () => page.locator("html").getAttribute("data-asked");

    beforeEach(async () => {
      await authenticator.setPresence(true);
      show = () => {
        const { options } = registration();
        const silent = {
          ...options,
          authenticatorSelection: { ...options.authenticatorSelection, userVerification: "preferred" },
        };
        const conditional = { action: "/silent", options: silent };
        return site.page("enrol", { ...registration(), purpose: "conversion", conditional });
      };
    });

    it("the browser makes the passkey by itself, and goes on", async () => {
      await browserThat("makes one");
      await open();
      await arrived();
      expect(site.posts().map(({ path, body }) => [path, Object.keys(body)])).toEqual([
        ["/silent", ["response"]],
      ]);
      expect(answered(site.posts()[0]).challenge).toBe("challenge number 1");
    });

    it("nothing is said where it will not, and the button does it", async () => {
      await browserThat("refuses");
      await open();
      await eventually(asked).toBe("preferred");
      await rested();
      expect(await page.locator("[role=alert]").textContent()).toBe("");
      await button().click();
      await arrived();
      expect(site.posts().map(({ path }) => path)).toEqual(["/answer/2"]);
    });

    it("the button does it while the browser still thinks", async () => {
      await browserThat("still thinks");
      await open();
      await eventually(asked).toBe("preferred");
      await button().click();
      await arrived();
      expect(site.posts().map(({ path }) => path)).toEqual(["/answer/2"]);
    });

    it("a refused answer is not mentioned either, and the button has a challenge of its own", async () => {
      replies = [problem(400, { code: "registration_refused", title: "No." }), ...replies];
      await browserThat("makes one");
      await open();
      await eventually(() => site.posts().length).toBe(1);
      await rested();
      expect(await page.locator("[role=alert]").textContent()).toBe("");
      await button().click();
      await arrived();
      expect(answered(site.posts()[1]).challenge).toBe("challenge number 2");
    });

    it("a browser that cannot is not asked", async () => {
      await browserThat("knows nothing of it");
      await open();
      await rested();
      await button().click();
      await arrived();
      expect(await asked().catch(() => null)).toBeNull();
      expect(site.posts().map(({ path }) => path)).toEqual(["/answer/2"]);
    });
  });

  describe("on the page that asks for access", () => {
    beforeEach(() => {
      const model = { app: { name: "App" }, action: "/decide", account: "jane", scopes: ["openid"] };
      show = () => site.page("consent", model);
    });

    it.each([
      ["Allow", "allow"],
      ["Cancel", "cancel"],
    ])("%s posts the decision and goes where the server says", async (name, decision) => {
      await open();
      await page.getByRole("button", { name }).click();
      await arrived();
      expect(site.posts().map(({ path, body }) => ({ path, body }))).toEqual([
        { path: "/decide", body: { decision } },
      ]);
    });

    it("says what went wrong, and can be answered again", async () => {
      replies = [problem(503, { title: "Not right now." }), ...replies];
      await open();
      await page.getByRole("button", { name: "Allow" }).click();
      await eventually(() => alert().textContent()).toBe("Not right now.");
      await page.getByRole("button", { name: "Allow" }).click();
      await arrived();
    });
  });
});
