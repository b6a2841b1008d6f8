/** F21: what is tried again in the background: how often, when, how much of it, and what becomes of it at the end. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { pauseBefore, type Reason, retries } from "../../src/oidc/retries.ts";

const HOUR = 60 * 60_000;

interface Notice {
  to: string;
  about: number;
}

/** Retries whose outcome is decided by `answers`, the recipient's own. */
function start(answers: (notice: Notice, attempt: number) => Promise<void>) {
  const attempts: { about: number; at: number }[] = [];
  const givenUp: { about: number; reason: Reason; error: unknown }[] = [];
  const queue = retries<Notice>({
    recipient: ({ to }) => to,
    attempt(notice) {
      attempts.push({ about: notice.about, at: Date.now() });
      return answers(notice, attempts.filter(({ about }) => about === notice.about).length);
    },
    givenUp: ({ about }, reason, error) => givenUp.push({ about, reason, error }),
    random: () => 0.5,
  });
  return { queue, attempts, givenUp };
}

const gone = async () => {
  throw new Error("gone");
};

describe("F21 retries", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("are three, each after a longer pause that chance makes shorter or longer by half", () => {
    const pauses = (random: number) => [1, 2, 3, 4].map((retry) => pauseBefore(retry, random));
    expect(pauses(0.5)).toEqual([2_000, 10_000, 45_000, undefined]);
    expect(pauses(0)).toEqual([1_000, 5_000, 22_500, undefined]);
    expect(pauses(0.999)).toEqual([2_998, 14_990, 67_455, undefined]);
  });

  test("end with the one that succeeds", async () => {
    const { queue, attempts, givenUp } = start(async (_, attempt) => (attempt < 2 ? gone() : undefined));
    const began = Date.now();
    queue.put({ to: "app", about: 1 });
    await vi.advanceTimersByTimeAsync(HOUR);
    expect(attempts.map(({ at }) => at - began)).toEqual([2_000, 12_000]);
    expect(givenUp).toEqual([]);
  });

  test("that all fail are given up once, with the last reason", async () => {
    const { queue, attempts, givenUp } = start(gone);
    queue.put({ to: "app", about: 1 });
    await vi.advanceTimersByTimeAsync(HOUR);
    expect(attempts).toHaveLength(3);
    expect(givenUp).toEqual([{ about: 1, reason: "failed", error: new Error("gone") }]);
    // Nothing is left that the end would wait for.
    await queue.stop();
  });

  test("of one recipient are a hundred at most, and leave room for the others", async () => {
    const { queue, givenUp } = start(gone);
    for (let about = 0; about < 105; about++) queue.put({ to: "silent", about });
    expect(givenUp.map(({ about, reason }) => [about, reason])).toEqual(
      [100, 101, 102, 103, 104].map((about) => [about, "full"]),
    );
    queue.put({ to: "other", about: 200 });
    expect(givenUp).toHaveLength(5);
    await vi.advanceTimersByTimeAsync(HOUR);
    // There is room again once they are over.
    queue.put({ to: "silent", about: 300 });
    expect(givenUp.filter(({ reason }) => reason === "full")).toHaveLength(5);
  });

  test("are a thousand at most for everybody", async () => {
    const { queue, givenUp } = start(gone);
    for (let about = 0; about < 1_001; about++) queue.put({ to: `app ${about % 20}`, about });
    expect(givenUp).toEqual([{ about: 1_000, reason: "full", error: undefined }]);
  });

  test("are eight at once, in their turn", async () => {
    const running: (() => void)[] = [];
    const { queue, attempts } = start(() => new Promise<void>((resolve) => running.push(resolve)));
    for (let about = 0; about < 10; about++) queue.put({ to: `app ${about}`, about });
    await vi.advanceTimersByTimeAsync(HOUR);
    expect(attempts).toHaveLength(8);
    running[0]?.();
    await vi.advanceTimersByTimeAsync(1);
    expect(attempts.map(({ about }) => about)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("that wait at the end are tried once more at once, and what fails or comes later is given up", async () => {
    const { queue, attempts, givenUp } = start(({ about }) => (about === 1 ? gone() : Promise.resolve()));
    queue.put({ to: "app", about: 1 });
    queue.put({ to: "app", about: 2 });
    await queue.stop();
    queue.put({ to: "app", about: 3 });
    expect(attempts.map(({ about }) => about)).toEqual([1, 2]);
    expect(givenUp).toEqual([
      { about: 1, reason: "stopped", error: new Error("gone") },
      { about: 3, reason: "stopped", error: undefined },
    ]);
    await vi.advanceTimersByTimeAsync(HOUR);
    expect(attempts).toHaveLength(2);
  });

  test("do not hold up the end for longer than five seconds", async () => {
    const { queue, givenUp } = start(() => new Promise(() => {}));
    for (let about = 0; about < 20; about++) queue.put({ to: "silent", about });
    let ended = false;
    void queue.stop().then(() => {
      ended = true;
    });
    await vi.advanceTimersByTimeAsync(4_999);
    expect(ended).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(ended).toBe(true);
    expect(givenUp.map(({ reason }) => reason)).toEqual(Array(20).fill("stopped"));
  });
});
