/** The context of a request, held against the runtime's own on the same programs. */
import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { promiseContext } from "../../src/oidc/promise-context.ts";

const ours = promiseContext();
const reference = new AsyncLocalStorage<object>();

/** Both say the same, and it is `expected`. */
function look(expected: object | undefined): void {
  if (ours.getStore() !== expected || reference.getStore() !== expected) {
    throw new Error("the contexts differ");
  }
}

const enter = <T>(subject: object, work: () => T): T => ours.run(subject, () => reference.run(subject, work));

/** One way to wait; each comes back in the context that it was left in. */
const waits: readonly (() => unknown)[] = [
  () => undefined,
  () => Promise.resolve(),
  () => turn(),
  () => Promise.reject(new Error("expected")).catch(() => {}),
  () => Promise.all([turn(), Promise.resolve(1)]),
  () => Promise.allSettled([Promise.reject(new Error("expected")), turn()]),
  () => Promise.race([turn(), new Promise((resolve) => setTimeout(resolve, 0))]),
  // biome-ignore lint/suspicious/noThenProperty: something that waits without being a promise
  () => ({ then: (resolve: (value: unknown) => void) => setImmediate(resolve, 1) }),
  () => (async () => turn())().finally(() => turn()),
];

/** A request: waits in many ways, now and then within another request that it makes itself. */
async function program(subject: object, steps: readonly number[]): Promise<void> {
  for (const step of steps) {
    look(subject);
    await waits[step % waits.length]?.();
    look(subject);
    if (step % 5 === 0) {
      const inner = { inner: step };
      await enter(inner, async () => {
        await turn();
        look(inner);
      });
      look(subject);
    }
    await Promise.resolve().then(() => look(subject));
  }
}

describe("the context that follows promises", () => {
  it("is the runtime's own for any mix of requests at once", async () => {
    const steps = fc.array(fc.nat(44), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 16 }), async (requests) => {
        await Promise.all(
          requests.map((request, id) => {
            const subject = { id };
            return enter(subject, () => program(subject, request));
          }),
        );
        look(undefined);
      }),
      { numRuns: 200 },
    );
  });

  it("is none for what began outside, also when it ends inside", async () => {
    let open: () => void = () => {};
    const outside = new Promise<void>((resolve) => {
      open = resolve;
    }).then(() => ours.getStore());
    await enter({}, async () => {
      await turn();
      open();
      await turn();
    });
    expect(await outside).toBeUndefined();
  });

  it("is left when what runs in it throws", () => {
    expect(() =>
      ours.run({}, () => {
        throw new Error("expected");
      }),
    ).toThrow("expected");
    expect(ours.getStore()).toBeUndefined();
  });
});
