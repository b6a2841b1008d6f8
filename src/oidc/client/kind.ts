/** The kinds of app. `web`: a server that keeps a secret. `spa`, `native`: cannot keep one. `machine`: acts for itself. */
export type ClientKind = "web" | "spa" | "native" | "machine";

export const KINDS: readonly ClientKind[] = ["web", "spa", "native", "machine"];
