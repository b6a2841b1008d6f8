/** A permit: for five minutes somebody who has just proved who they are may do one thing. */

import { randomText } from "../../random.ts";
import { fingerprint, newVersion } from "../../store/record.ts";
import type { Key, Millis, Store } from "../../store/store.ts";

/** How long a fresh proof counts (ASVS 5.0, 7.5.1). */
const TTL: Millis = 5 * 60 * 1000;

export interface Permits {
  issue(subject: string): Promise<string>;
  /** Whether the permit is for exactly this and neither spent nor too old. */
  check(permit: string, subject: string): Promise<boolean>;
  /** Uses a permit up; true for exactly one caller. */
  spend(permit: string): Promise<boolean>;
}

export function permits(store: Store): Permits {
  const key = (permit: string): Key => `permit:${fingerprint(permit)}`;
  return {
    async issue(subject) {
      const permit = randomText(32);
      await store.write(key(permit), { subject: fingerprint(subject) }, { ttl: TTL });
      return permit;
    },
    async check(permit, subject) {
      const found = await store.read<{ subject: string }>(key(permit));
      return found?.value.subject === fingerprint(subject);
    },
    spend: async (permit) => (await store.take(key(permit), newVersion())) !== undefined,
  };
}
