/** `latchkey store copy`: moves an installation to another store. */
import { systemClock } from "../../clock.ts";
import { LOOKED_FOR } from "../../store/gate.ts";
import { type CopyReport, copyStore, type Place } from "../../transfer/copy.ts";
import { type Common, type Context, confirmed, mustBeAskable, print, UsageError } from "../context.ts";
import { progress } from "../progress.ts";
import { openPlace } from "./places.ts";

export interface CopyFlags extends Common {
  switch: boolean;
  yes?: true;
}

/** What a server knew of the lock, and a command that was repeated as often as it may be. */
const SETTLE = LOOKED_FOR + 4_000;

export async function copy(context: Context, from: string, to: string, flags: CopyFlags): Promise<void> {
  if (flags.switch) mustBeAskable(context, flags.yes);
  const named = (address: string) =>
    address === "-" ? (context.terminal.env.LATCHKEY_STORE ?? "-") : address;
  const source = await openPlace(context, named(from));
  try {
    const target = await openPlace(context, named(to));
    try {
      if (source.name === target.name) throw new UsageError("both are the same store");
      await carryOut(context, source, target, flags);
    } finally {
      await target.store.close();
    }
  } finally {
    await source.store.close();
  }
}

async function carryOut(context: Context, from: Place, to: Place, flags: CopyFlags): Promise<void> {
  const bar = progress(context.terminal, "records");
  const question = `Move now? Servers on ${from.name} will answer 503 until they are started on ${to.name}.`;
  let total = 0;
  try {
    const report = await copyStore({
      from,
      to,
      clock: systemClock,
      settle: SETTLE,
      async mayMove() {
        bar.end();
        return flags.switch && confirmed(context, flags.yes, question);
      },
      tell(what, done) {
        const known = what === "moving" || done <= total ? total : 0;
        bar.tell(done, known > 0 ? Math.min(1, done / known) : undefined);
        total = Math.max(total, done);
      },
    });
    bar.end();
    print(context, flags, { ...report, from: from.name, to: to.name }, textOf(report, from, to));
  } finally {
    bar.end();
  }
}

function textOf({ moved, items, stood }: CopyReport, from: Place, to: Place): string {
  if (!moved) return `Copied ${items} things from ${from.name}. Nothing has moved: run it again to move.\n`;
  return `Moved to ${to.name}: ${items} things; writes stood still for ${(stood / 1000).toFixed(1)} s.
Set LATCHKEY_STORE to it, keep LATCHKEY_SECRET as it is, and restart the servers.
When all is well, delete ${from.name}: passwords that are dropped from now on are still in it.
`;
}
