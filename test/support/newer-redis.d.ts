/** A server of 7.2 or newer. */
export interface NewerServer {
  /** What it is, with its version. */
  name: string;
  program: string;
  /** Its `WAITAOF` is believed. */
  isWaitedFor: boolean;
}

/** Where `npm test` unpacks them. */
export const BROUGHT: string;

/** At most one of each product. */
export function newerServers(env?: NodeJS.ProcessEnv): NewerServer[];
