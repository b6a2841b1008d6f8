/** The settings as the program uses them: checked, with every default that depends on another one filled in. */
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import type { Parsed } from "./schema.ts";
import { hasReplicas } from "./store-address.ts";

/**
 * All settings. Spans are milliseconds; sizes are MiB where the name says nothing else.
 *
 * `origins` holds the further origins only, `secret` is newest first and may be empty on localhost, where
 * `secretFile` names the file that takes its place.
 */
export interface Settings
  extends Omit<Parsed, "signUp" | "workers" | "log" | "rpId" | "issuer" | "durability"> {
  /** An exact origin, without a slash at the end: `https://id.example.com`. */
  issuer: string;
  /** True for an `http://localhost` issuer, which may run without any set-up. */
  isLocal: boolean;
  rpId: string;
  signUp: "open" | "invite" | "closed";
  /** What a Redis must confirm; the embedded store knows no other than its disk. */
  durability: "configured" | "disk" | "replica";
  /** How many processes; `auto` is resolved. */
  workers: number;
  log: { level: "debug" | "info" | "warn" | "error"; format: "pretty" | "json" };
  /** Absolute path of the file that holds the secret, on localhost and only while `secret` is empty. */
  secretFile?: string;
}

/** Facts of the process that defaults depend on. */
export interface Surroundings {
  cwd: string;
  /** Whether the standard output is a terminal. */
  terminal: boolean;
}

export const issuerOf = (parsed: {
  issuer?: string | undefined;
  port?: number | undefined;
}): string | undefined =>
  parsed.issuer ?? (parsed.port === undefined ? undefined : `http://localhost:${parsed.port}`);

export const isLocalIssuer = (issuer: string): boolean => /^http:\/\/localhost(:\d+)?$/.test(issuer);

/** The folder of an embedded store. */
export function folderOf(store: string): string | undefined {
  return store.startsWith("lmdb:") ? store.slice("lmdb:".length) : undefined;
}

export function derive(parsed: Parsed, { cwd, terminal }: Surroundings): Settings {
  const issuer = issuerOf(parsed) ?? "";
  const isLocal = isLocalIssuer(issuer);
  const folder = folderOf(parsed.store);
  const { views, ...rest } = parsed;
  return {
    ...rest,
    issuer,
    isLocal,
    rpId: parsed.rpId ?? new URL(issuer).hostname,
    store: folder === undefined || cwd === process.cwd() ? parsed.store : `lmdb:${resolve(cwd, folder)}`,
    signUp: parsed.signUp ?? (isLocal ? "open" : "invite"),
    durability: parsed.durability ?? (hasReplicas(parsed.store) ? "replica" : "configured"),
    workers: parsed.workers === "auto" ? availableParallelism() : parsed.workers,
    log: { level: parsed.log.level, format: parsed.log.format ?? (terminal ? "pretty" : "json") },
    ...(views === undefined ? {} : { views: resolve(cwd, views) }),
    ...(isLocal && parsed.secret.length === 0
      ? { secretFile: resolve(cwd, join(folder ?? "data", "secret")) }
      : {}),
  };
}
