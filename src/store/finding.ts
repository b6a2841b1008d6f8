/** What is found out about a store by looking at it, for whoever runs it. */

export interface Finding {
  name: string;
  ok: boolean;
  /** How bad it is when it is not ok; with an `error` the store is not fit for use. */
  level: "error" | "warning";
  message: string;
  remedy: string | null;
}

export function found(name: string, message: string): Finding {
  return { name, ok: true, level: "error", message, remedy: null };
}

export function wrong(name: string, message: string, remedy: string): Finding {
  return { name, ok: false, level: "error", message, remedy };
}

export function doubtful(name: string, message: string, remedy: string): Finding {
  return { name, ok: false, level: "warning", message, remedy };
}
