import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Store } from "../../src/store/store.ts";
import { startSweeper } from "../../src/store/sweeper.ts";

describe("the sweeper", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function sweeping(sweep: () => Promise<number>): Store {
    return { sweep } as Store;
  }

  test("sweeps again and again, never two sweeps at once, until it is stopped", async () => {
    const sweep = vi.fn(async () => 0);
    const sweeper = startSweeper(sweeping(sweep), { every: 1000 });
    expect(sweep).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1000);
    expect(sweep).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(5000);
    expect(sweep.mock.calls.length).toBeGreaterThanOrEqual(6);
    const before = sweep.mock.calls.length;
    await sweeper.stop();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sweep).toHaveBeenCalledTimes(before);
  });

  test("lets a running sweep end when it is stopped, and starts no other", async () => {
    let end = (_: number) => {};
    const sweep = vi.fn(() => new Promise<number>((resolve) => (end = resolve)));
    const sweeper = startSweeper(sweeping(sweep), { every: 1000, jitter: 0 });
    await vi.advanceTimersByTimeAsync(5000);
    expect(sweep).toHaveBeenCalledTimes(1);
    let stopped = false;
    const stopping = sweeper.stop().then(() => {
      stopped = true;
    });
    await vi.advanceTimersByTimeAsync(1000);
    expect(stopped).toBe(false);
    end(0);
    await stopping;
    await vi.advanceTimersByTimeAsync(5000);
    expect(sweep).toHaveBeenCalledTimes(1);
  });

  test("tells of a failed sweep and goes on", async () => {
    const failure = new Error("away");
    const sweep = vi.fn(async () => 0).mockRejectedValueOnce(failure);
    const warn = vi.fn();
    const sweeper = startSweeper(sweeping(sweep), { every: 1000, jitter: 0, log: { warn } });
    await vi.advanceTimersByTimeAsync(2000);
    expect(warn).toHaveBeenCalledExactlyOnceWith({ err: failure }, expect.any(String));
    expect(sweep).toHaveBeenCalledTimes(2);
    await sweeper.stop();
  });
});
