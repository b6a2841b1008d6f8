/** What a ceremony tells its listener: ids and reasons, never what was signed or typed. */
import type { Clock } from "../clock.ts";
import type { Event, EventType, Listener } from "../events.ts";
import { newVersion } from "../store/record.ts";
import type { Binding } from "./ceremony.ts";
import { refusalReason } from "./refusal.ts";

/** Who is told, and when it is. */
export interface Announcer {
  clock: Clock;
  announce?: Listener | undefined;
}

/** Announces an event, stamped and named. */
export function announce(to: Announcer, type: EventType, about: Partial<Event>): void {
  to.announce?.({ ...about, id: newVersion(), type, at: to.clock.now() });
}

/** Announces `ceremony.refused`; says nothing of a failure that is no refusal, such as a store that is away. */
export function announceRefusal(
  to: Announcer & { binding: Binding },
  error: unknown,
  about: Partial<Event>,
): void {
  const reason = refusalReason(error);
  if (reason === undefined) return;
  const { purpose, action } = to.binding;
  announce(to, "ceremony.refused", { ...about, detail: { purpose, action, reason } });
}
