/** The scene of most flows: a provider over a store, an app of the same people, and Jane, who has an account. */
import { afterAll, beforeAll } from "vitest";
import type { Browser } from "./browser.ts";
import { type Running, type RunningOptions, startInstallation } from "./installation.ts";
import type { RelyingParty } from "./relying-party.ts";
import type { StoreKind } from "./stores.ts";

export interface Scene {
  readonly running: Running;
  readonly app: RelyingParty;
}

export interface SceneWithJane extends Scene {
  /** The browser in which Jane signed up, and is signed in. */
  readonly jane: Browser;
}

/** Opens the scene before the first test of a block and closes it after the last: what it holds is there in between. */
export function scene(
  kind: StoreKind,
  settings: Record<string, unknown> = {},
  options: RunningOptions = {},
): Scene {
  const here = {} as { -readonly [held in keyof Scene]: Scene[held] };
  beforeAll(async () => {
    here.running = await startInstallation(kind, settings, options);
    here.app = await here.running.app();
  });
  afterAll(() => here.running?.stop());
  return here;
}

/** The same, with somebody in it. */
export function sceneWithJane(...opening: Parameters<typeof scene>): SceneWithJane {
  const here: Scene & { jane: Browser } = Object.assign(scene(...opening), {} as { jane: Browser });
  beforeAll(async () => {
    here.jane = here.running.browser();
    await here.app.signUp(here.jane, { email: "jane@example.com" });
  });
  return here;
}
