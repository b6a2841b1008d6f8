/** One line on a terminal that says how far long work is: done, total, rate and time left. */
import type { Terminal } from "./terminal.ts";

const EVERY = 200;

export interface Progress {
  /** `share` of the whole, from 0 to 1, where it is known. */
  tell(done: number, share: number | undefined): void;
  /** Takes the line away. */
  end(): void;
}

/** Nothing unless a person watches. */
export function progress(terminal: Terminal, what: string): Progress {
  if (!terminal.canAsk) return { tell() {}, end() {} };
  const started = performance.now();
  let shown = 0;
  return {
    tell(done, share) {
      const now = performance.now();
      if (now - shown < EVERY) return;
      shown = now;
      const seconds = (now - started) / 1000;
      const rate = Math.round(done / seconds);
      const left = share ? ` · ${Math.ceil((seconds * (1 - share)) / share)} s left` : "";
      const of = share === undefined ? "" : ` (${Math.floor(share * 100)} %)`;
      terminal.draw?.(`${done} ${what}${of} · ${rate} a second${left}`);
    },
    end: () => terminal.draw?.(""),
  };
}
