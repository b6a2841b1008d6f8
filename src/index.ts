/**
 * Latchkey as a library: passkeys for an `oidc-provider` that runs already, and the server that `npx latchkey serve`
 * runs, for those who start it themselves.
 *
 * @module latchkey
 * @example
 * ```ts
 * import { loadSettings, startServer } from "latchkey";
 *
 * const server = await startServer(loadSettings());
 * console.log(server.issuer);
 * await server.stop();
 * ```
 */
export { type Clock, systemClock } from "./clock.ts";
export { ConfigurationError, type LoadOptions, loadSettings, type Settings } from "./config/load.ts";
export { type ErrorCode, isRefusal, LatchkeyError, type Problem } from "./errors.ts";
export type { Event, EventType } from "./events.ts";
export { createLogger, type Logger, silentLogger } from "./log.ts";
export {
  type Handlers,
  type HostAccounts,
  type HostDirectory,
  type HostPasswords,
  type Notice,
  type NoticeKind,
  type NoticeRecipient,
  type Passkeys,
  type PasskeysOptions,
  type PasskeysStatus,
  passkeys,
  type SignInPage,
  type SignUpFields,
} from "./plugin/passkeys.ts";
export { type RunningServer, type ServerOptions, startServer } from "./server.ts";
export type { Key, Store, Stored } from "./store/store.ts";
