/** A store that lost its data, or was exchanged for another one, is not a new provider. */
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { operator } from "../command/operator.ts";
import { type Running, SECRET, startInstallation } from "../support/installation.ts";
import { withoutRedis } from "../support/redis.ts";
import { stores } from "../support/stores.ts";

const WAITING = { timeout: 20_000, interval: 50 };

describe.skipIf(withoutRedis)("F14 a Redis that is emptied under a running server", () => {
  let running: Running;
  beforeAll(async () => {
    running = await startInstallation(stores.find(({ name }) => name === "redis") as (typeof stores)[number]);
  });
  afterAll(() => running.stop());

  const status = async (path: string) =>
    (await fetch(`${running.issuer}${path}`, { headers: { accept: "text/html" } })).status;

  test("is served from by nobody, and is said to be so, until its data is back", async () => {
    const client = new Redis(running.store.url);
    const app = await running.app();
    await app.signUp(running.browser(), { email: "jane@example.com" });
    expect(await status("/sign-in")).toBe(200);
    const meta = (await client.get("latchkey:meta:store")) as string;
    await client.flushall();
    await vi.waitUntil(async () => (await status("/readyz")) === 503, WAITING);
    expect(await status("/livez")).toBe(200);
    for (const path of ["/sign-in", "/sign-up", "/auth", "/token", "/setup/anything"])
      expect(await status(path), path).toBe(503);
    // Who is refused does not hold on to the connection, behind which somebody else may serve.
    const kept = async () => (await fetch(`${running.issuer}/sign-in`)).headers.get("connection");
    expect(await kept()).toBe("close");
    expect(running.log.filter((line) => line.includes("emptied or exchanged"))).toHaveLength(1);
    await client.set("latchkey:meta:store", meta.replace(/"id":"[^"]+"/, '"id":"of another installation"'));
    expect(await status("/readyz")).toBe(503);
    await client.set("latchkey:meta:store", meta);
    await vi.waitUntil(async () => (await status("/readyz")) === 200, WAITING);
    expect(await status("/sign-in")).toBe(200);
    expect(await kept()).toBe("keep-alive");
    client.disconnect();
  });
});

describe.each(stores)("at the start on $name", ({ open }) => {
  test("data that a newer version wrote is refused with exit code 2, and older data is not", async () => {
    const opened = await open();
    const admin = operator({ LATCHKEY_STORE: opened.url, LATCHKEY_SECRET: SECRET });
    expect((await admin.run("setup")).code).toBe(0);
    const meta = await opened.store.read<object>("meta:store");
    const write = (format: number) => opened.store.write("meta:store", { ...meta?.value, format });
    await write(1);
    expect((await admin.run("accounts", "list")).code).toBe(0);
    await write(99);
    const { code, err } = await admin.run("serve");
    expect(code).toBe(2);
    expect(err).toMatch(/format 99.*newer version/s);
    const { json } = await admin.run("doctor", "--json");
    expect(json()).toMatchObject({ ok: false });
    admin.remove();
    await opened.close();
  });

  test("F14 an emptied store is refused with exit code 2, also on localhost where its id is pinned", async () => {
    const opened = await open();
    const env = { LATCHKEY_STORE: opened.url, LATCHKEY_SECRET: SECRET };
    const admin = operator({ ...env, LATCHKEY_ISSUER: "https://id.example.com" });
    expect((await admin.run("setup")).code).toBe(0);
    const meta = await opened.store.read<{ id: string }>("meta:store");
    const pinned = operator({ ...env, LATCHKEY_STORE_ID: meta?.value.id ?? "" });
    const other = operator({ ...env, LATCHKEY_STORE_ID: "another" });
    // The controls: the one that was initialised, by its id too.
    expect((await admin.run("accounts", "list")).code).toBe(0);
    expect((await pinned.run("accounts", "list")).code).toBe(0);
    const exchanged = await other.run("accounts", "list");
    expect(exchanged.code).toBe(2);
    expect(exchanged.err).toContain("LATCHKEY_STORE_ID");
    await opened.store.remove("meta:store");
    for (const operated of [admin, pinned]) {
      const { code, err } = await operated.run("accounts", "list");
      expect(code).toBe(2);
      expect(err).toContain("restore the data first");
      const doctor = await operated.run("doctor", "--json");
      expect(doctor.code).toBe(1);
      expect(doctor.json()).toMatchObject({ ok: false });
    }
    expect((await admin.run("serve")).code).toBe(2);
    expect(await opened.store.read("meta:store")).toBeUndefined();
    for (const operated of [admin, pinned, other]) operated.remove();
    await opened.close();
  });

  test("another secret is refused with exit code 2, by the server and by the doctor", async () => {
    const opened = await open();
    const admin = operator({ LATCHKEY_STORE: opened.url, LATCHKEY_SECRET: SECRET });
    expect((await admin.run("setup")).code).toBe(0);
    const stranger = operator({ LATCHKEY_STORE: opened.url, LATCHKEY_SECRET: `another ${SECRET}` });
    const { code, err } = await stranger.run("serve");
    expect(code).toBe(2);
    expect(err).toContain("LATCHKEY_SECRET");
    const doctor = await stranger.run("doctor", "--json");
    expect({ code: doctor.code, ...doctor.json() }).toMatchObject({ code: 1, ok: false });
    expect((await admin.run("doctor")).code).toBe(0);
    for (const operated of [admin, stranger]) operated.remove();
    await opened.close();
  });
});
