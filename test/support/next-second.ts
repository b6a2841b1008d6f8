/** Tokens know seconds: what happens in the next one is later than what happened before. */
import { vi } from "vitest";

const second = () => Math.floor(Date.now() / 1000);

/** Waits until another second has begun, and says which; seconds since the epoch. */
export async function nextSecond(): Promise<number> {
  const present = second();
  await vi.waitUntil(() => second() > present, { timeout: 30_000, interval: 20 });
  return second();
}
