/** SEC-94, SEC-139: signing keys change while servers run, and no token fails. */
import { createLocalJWKSet, createRemoteJWKSet, jwtVerify } from "jose";
import { describe, expect, test, vi } from "vitest";
import { KEPT, keySetRecord, LEAD, plan, SIGNING } from "../../src/oidc/key-set.ts";
import {
  keyState,
  listKeys,
  retireKey,
  retireOutlived,
  rotateKeys,
  signingKeys,
} from "../../src/oidc/keys.ts";
import { idTokenSigner } from "../../src/oidc/short/id-token.ts";
import type { Store } from "../../src/store/store.ts";
import { createVault } from "../../src/vault.ts";
import { operator } from "../command/operator.ts";
import { SECRET, startInstallation } from "../support/installation.ts";
import { openStore } from "../support/open-store.ts";
import { stores } from "../support/stores.ts";

const vault = createVault([SECRET]);

describe.each(stores)("signing keys on $name", (kind) => {
  const opened = openStore(kind);
  let now = 1_000_000;
  const clock = { now: () => now };
  const chest = (store: Store = opened.store) => ({ store, vault, clock });
  const states = async () => (await listKeys(chest())).map(({ alg, state }) => `${alg} ${state}`);

  test("are published before they sign, and kept after", async () => {
    const [first] = await signingKeys(opened.store, vault, clock);
    expect(await states()).toEqual(["ES256 signing", "RS256 signing"]);
    expect(await rotateKeys(chest(), LEAD)).toMatchObject({ made: true });
    expect(await states()).toEqual(["ES256 signing", "RS256 signing", "ES256 next", "RS256 next"]);
    expect((await signingKeys(opened.store, vault, clock))[0]?.kid).toBe(first?.kid);
    now += LEAD - 1;
    expect((await signingKeys(opened.store, vault, clock))[0]?.kid).toBe(first?.kid);
    now += 1;
    const after = await signingKeys(opened.store, vault, clock);
    expect(after[0]?.kid).not.toBe(first?.kid);
    expect(after.map(({ kid }) => kid)).toContain(first?.kid);
    expect(await states()).toEqual(["ES256 signing", "RS256 signing", "ES256 past", "RS256 past"]);
  });

  test("two nodes that rotate at once make one rotation", async () => {
    const other = await opened.reopen();
    const before = await listKeys(chest());
    const both = await Promise.all([rotateKeys(chest(), LEAD), rotateKeys(chest(other), LEAD)]);
    expect(both.map(({ made }) => made).sort()).toEqual([false, true]);
    expect(await listKeys(chest())).toHaveLength(before.length + 2);
    expect(await rotateKeys(chest(), LEAD)).toMatchObject({ made: false });
    now += LEAD;
  });

  test("none that signs or will is retired; others when nobody needs them", async () => {
    const [signing] = await listKeys(chest());
    await expect(retireKey(chest(), signing?.kid ?? "")).rejects.toMatchObject({ code: "key_in_use" });
    await expect(retireKey(chest(), "nobody's")).rejects.toMatchObject({ code: "key_unknown" });
    expect(await retireOutlived(chest())).toEqual([]);
    now += KEPT;
    expect(await retireOutlived(chest())).toHaveLength(4);
    expect(await states()).toEqual(["ES256 signing", "RS256 signing"]);
  });

  test("0 of 10,000 tokens fail across rotations, also where an app keeps our keys for as long as it may", async () => {
    const nodes = [opened.store, await opened.reopen()];
    let failed = 0;
    let known = { at: 0, verify: createLocalJWKSet({ keys: [] }) };
    const kids = new Set<string>();
    for (let i = 0; i < 200; i++) {
      // Some minutes pass; the app looks for new keys once an hour, a little before the lead is over.
      now += 5 * 60_000;
      if (i % 40 === 20) await rotateKeys(chest(nodes[i % 2]), LEAD);
      const keys = await signingKeys(nodes[i % 2] as Store, vault, clock);
      if (now - known.at >= LEAD - 60_000) {
        const published = keys.map(
          ({ d: _, p: __, q: ___, dp: ____, dq: _____, qi: ______, ...rest }) => rest,
        );
        known = { at: now, verify: createLocalJWKSet({ keys: published }) };
      }
      const sign = idTokenSigner(keys);
      for (let j = 0; j < 50; j++) {
        const token = sign?.({ sub: `${i}-${j}` }) ?? "";
        const verified = await jwtVerify(token, known.verify).catch(() => undefined);
        if (!verified) failed++;
        else kids.add(verified.protectedHeader.kid ?? "");
      }
    }
    expect(failed).toBe(0);
    expect(kids.size).toBe(6);
  });

  test("SEC-139 a rotated secret wraps them anew and changes none", async () => {
    const before = await signingKeys(opened.store, vault, clock);
    const both = createVault([`newer ${SECRET}`, SECRET]);
    expect(await signingKeys(opened.store, both, clock)).toEqual(before);
    const newest = createVault([`newer ${SECRET}`]);
    expect(await signingKeys(opened.store, newest, clock)).toEqual(before);
    await expect(signingKeys(opened.store, vault, clock)).rejects.toMatchObject({ code: "secret_mismatch" });
  });

  test("keys that an older version made sign on", async () => {
    const stored = await keySetRecord.read(opened.store, SIGNING);
    const old = { keys: (stored?.value.keys ?? []).slice(0, 2).map(({ from: _, ...key }) => key) };
    expect(plan(old, now).map(({ state }) => state)).toEqual(["signing", "signing"]);
    expect(await keyState({ store: opened.store, clock })).toContain("signing");
  });
});

describe.each(stores)("a server on $name", (kind) => {
  test("follows a rotation while it serves: published within a second, used when it is time, tokens of before verify", async () => {
    const running = await startInstallation(kind);
    const admin = operator({ LATCHKEY_STORE: running.store.url, LATCHKEY_SECRET: SECRET });
    try {
      const jwks = async () =>
        ((await (await fetch(`${running.issuer}/jwks`)).json()) as { keys: { kid: string }[] }).keys;
      const published = createRemoteJWKSet(new URL(`${running.issuer}/jwks`), { cooldownDuration: 0 });
      const browser = running.browser();
      const app = await running.app();
      const tokens: string[] = [];
      const take = async (signing: Promise<{ response: { id_token?: unknown } }>) =>
        void tokens.push(String((await signing).response.id_token));
      await take(app.signUp(browser));
      const before = await jwks();
      expect(before).toHaveLength(2);
      const rotated = await admin.run("keys", "rotate", "--json");
      expect(rotated.json()).toMatchObject({ rotated: true, keys: { length: 4 } });
      await vi.waitUntil(async () => (await jwks()).length === 4, { timeout: 10_000 });
      expect((await admin.run("keys", "rotate", "--json")).json()).toMatchObject({ rotated: false });
      await take(app.signIn(browser));
      const listed = (await admin.run("keys", "list", "--json")).json() as unknown as {
        state: string;
        kid: string;
      }[];
      const next = listed.find(({ state }) => state === "next") ?? listed[0];
      const issued = new Date();
      vi.useFakeTimers({ now: issued.getTime() + LEAD + 1000, toFake: ["Date"] });
      await vi.waitUntil(async () => (await jwks())[0]?.kid === next?.kid, { timeout: 15_000 });
      await take(app.signIn(browser));
      const used = [];
      for (const [i, token] of tokens.entries()) {
        const currentDate = i < 2 ? issued : new Date();
        used.push((await jwtVerify(token, published, { currentDate })).protectedHeader.kid);
      }
      const past = before[0]?.kid ?? "";
      expect(used).toEqual([past, past, next?.kid]);
      expect((await admin.run("keys", "retire", past)).code).toBe(2);
      expect((await admin.run("keys", "retire", next?.kid ?? "", "--yes")).code).toBe(1);
      expect((await admin.run("keys", "retire", past, "--yes", "--json")).json()).toEqual({
        retired: [past],
      });
      await vi.waitUntil(async () => (await jwks()).length === 3, { timeout: 10_000 });
    } finally {
      vi.useRealTimers();
      admin.remove();
      await running.stop();
    }
  });
});
