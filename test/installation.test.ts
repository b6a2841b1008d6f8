/** A store belongs to one provider, and opens with its secret alone. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../src/clock.ts";
import { loadSettings } from "../src/config/load.ts";
import { isRefusal } from "../src/errors.ts";
import { openInstallation } from "../src/installation.ts";
import { signingKeys } from "../src/oidc/keys.ts";
import { type OpenStore, stores } from "./support/stores.ts";

const OLD = "the-old-root-secret-0123456789-abcdefgh";
const NEW = "the-new-root-secret-9876543210-hgfedcba";

describe.each(stores)("an installation on $name", (kind) => {
  let opened: OpenStore;
  let folder: string;

  beforeEach(async () => {
    opened = await kind.open();
    folder = mkdtempSync(join(tmpdir(), "latchkey-installation-"));
  });
  afterEach(async () => {
    await opened.close();
    rmSync(folder, { recursive: true });
  });

  /** The ids of the signing keys, as a server with these secrets has them. */
  async function keysWith(...secret: string[]): Promise<string[]> {
    const settings = loadSettings({ env: {}, cwd: folder, overrides: { store: opened.url, secret } });
    const { vault, store } = await openInstallation(settings, { store: opened.store });
    return (await signingKeys(store, vault, systemClock)).map(({ kid }) => kid);
  }

  const problem = (attempt: Promise<unknown>) =>
    attempt.then(
      () => "none",
      (error: unknown) => (isRefusal(error) ? (error.detail ?? "") : String(error)),
    );

  it("SEC-139 keeps its keys when the secret is rotated, and then needs the old one no more", async () => {
    const keys = await keysWith(OLD);
    expect(await problem(keysWith(NEW))).toContain("behind the new one, after a comma");
    expect(await keysWith(NEW, OLD)).toEqual(keys);
    expect(await keysWith(NEW)).toEqual(keys);
    expect(await problem(keysWith(OLD))).toContain("LATCHKEY_SECRET (secret)");
  });

  it("is wrapped anew by several that start at once", async () => {
    const keys = await keysWith(OLD);
    const started = await Promise.all(Array.from({ length: 8 }, () => keysWith(NEW, OLD)));
    expect(new Set(started.map((found) => found.join()))).toEqual(new Set([keys.join()]));
    expect(await keysWith(NEW)).toEqual(keys);
  });

  it("does not make a new secret file for a store that has lost its own", async () => {
    const settings = () => loadSettings({ env: {}, cwd: folder, overrides: { store: opened.url } });
    await openInstallation(settings(), { store: opened.store });
    const { secretFile = "" } = settings();
    rmSync(secretFile);
    expect(await problem(openInstallation(settings(), { store: opened.store }))).toContain(
      `${secretFile} is missing`,
    );
    expect(await problem(openInstallation(settings(), { store: opened.store }))).toContain("is missing");
  });
});
