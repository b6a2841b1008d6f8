import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Running, startInstallation } from "../support/installation.ts";
import { stores } from "../support/stores.ts";

describe.each(stores)("race $name", (kind) => {
  let running: Running;
  beforeAll(async () => {
    running = await startInstallation(kind);
  });
  afterAll(() => running.stop());
  it.each(["plain", "par"])("%s", async (mode) => {
    const third = await running.app({ firstParty: false });
    const jane = running.browser();
    await (await running.app()).signUp(jane, { email: `j${mode}@example.com` });
    let dead = 0,
      none = 0,
      many = 0;
    for (let i = 0; i < 25; i++) {
      const browser = running.browser(jane.authenticator);
      let request = await third.request({ prompt: "consent" });
      if (mode === "par") {
        const q = Object.fromEntries(new URL(request.url).searchParams);
        const r = (await (await third.post("/request", q)).json()) as { request_uri: string };
        request = {
          ...request,
          url: `${running.issuer}/auth?client_id=${third.client.client_id}&request_uri=${encodeURIComponent(r.request_uri)}`,
        };
      }
      // signed in already
      await browser.complete(await browser.open("/sign-in"));
      const consent = await browser.open(request.url);
      const action = /data-decision="([^"]+)"/.exec(consent.text)?.[1] ?? "";
      const { location } = (await browser.post(action, { decision: "allow" })).json();
      const ends = await Promise.all(Array.from({ length: 6 }, () => browser.request(String(location))));
      const n = ends.filter(({ headers }) => (headers.get("location") ?? "").includes("code=")).length;
      if (n === 0) none++;
      if (n > 1) many++;
      if ((await browser.request("/account")).status !== 200) dead++;
    }
    console.log(kind.name, mode, { dead, none, many });
    expect({ dead, none, many }).toEqual({ dead: 0, none: 0, many: 0 });
  });
});
