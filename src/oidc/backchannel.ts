/**
 * Tells apps that somebody signed out (OpenID Connect Back-Channel Logout 1.0). The library tells each app once and
 * lets the person wait for the slowest; here nobody waits for long, and an app that could not be told is told again.
 */
import type { Client, default as Provider } from "oidc-provider";
import type { Logger } from "../log.ts";
import type { Millis } from "../store/store.ts";
import { type Reason, retries } from "./retries.ts";

/** How long somebody who signs out waits for apps. The library itself gives each two and a half seconds. */
const PATIENCE: Millis = 1_000;

/** Missing in the published types. */
export interface LogoutClient extends Client {
  backchannelLogout(sub: string, sid: string | undefined): Promise<void>;
}

interface Notice {
  clientId: string;
  sub: string;
  sid: string | undefined;
}

/** Notices of one process, whichever provider sends them. */
export interface Backchannel {
  /** From now on this provider's clients are told patiently, and what waits is sent by it, with the keys that it has. */
  use(provider: Provider): void;
  /** Tries what waits once more, and gives up what fails. */
  stop(): Promise<void>;
}

/** What became of a notice: it arrived, is sent again, or is not sent any more. */
export type NoticeOutcome = "told" | "later" | "given_up";

/** @param count is told what became of each */
export function backchannel(log: Logger, count?: (outcome: NoticeOutcome) => void): Backchannel {
  let current: Provider | undefined;
  let once: LogoutClient["backchannelLogout"];
  const underWay = new Set<Promise<void>>();
  const waiting = retries<Notice>({
    recipient: ({ clientId }) => clientId,
    async attempt({ clientId, sub, sid }) {
      // What is registered now counts: an app may have moved, or be gone. A token is made anew, and short-lived.
      const client = await current?.Client.find(clientId);
      if (!client?.backchannelLogoutUri) return;
      await once.call(client as LogoutClient, sub, sid);
      count?.("told");
    },
    givenUp({ clientId }, reason, err) {
      count?.("given_up");
      log.warn(
        { client: clientId, reason: REASONS[reason], err },
        "an app could not be told about a sign-out",
      );
    },
  });
  return {
    use(provider) {
      const { prototype } = provider.Client as unknown as { prototype: LogoutClient };
      const library = prototype.backchannelLogout;
      current = provider;
      once = library;
      prototype.backchannelLogout = async function tellPatiently(sub, sid) {
        const told = library.call(this, sub, sid);
        const later = () => {
          count?.("later");
          waiting.put({ clientId: this.clientId, sub, sid });
        };
        const settled = told.then(() => count?.("told"), later).finally(() => underWay.delete(settled));
        underWay.add(settled);
        await atMost(PATIENCE, told);
      };
    },
    async stop() {
      await Promise.all(underWay);
      await waiting.stop();
    },
  };
}

const REASONS: Record<Reason, string> = {
  failed: "it failed four times",
  full: "too many wait already",
  stopped: "the server stops",
};

/** @throws what the work throws, or that it takes too long; the work goes on then */
async function atMost(patience: Millis, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer yet")), patience);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
