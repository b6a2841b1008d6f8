/** A wire between a client and a server that breaks when a test says so. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface BrokenWire {
  readonly port: number;
  /** How many answers were lost so far. */
  readonly lost: number;
  /** What happens between a request's being carried out and the loss of its answer. */
  beforeCut: (() => Promise<unknown>) | undefined;
  /** What comes of an answer on its way; the server's own words when it is not set. */
  rewrite: ((answer: Buffer) => Buffer) | undefined;
  /** How long every answer takes longer, in milliseconds. */
  delay: number;
  /**
   * The next `count` requests that hold `text` reach the server and are carried out; instead of their answer, the
   * client sees its connection end.
   */
  loseAnswersTo(text: string, count?: number): void;
  /** Ends every connection; new ones are taken. */
  cut(): void;
  close(): Promise<void>;
}

export async function startProxy(target: number): Promise<BrokenWire> {
  const clients = new Set<Socket>();
  let wanted = { text: "", count: 0 };
  let lost = 0;
  let delay = 0;
  let beforeCut: (() => Promise<unknown>) | undefined;
  let rewrite: BrokenWire["rewrite"];
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    let doomed = false;
    let isCut = false;
    clients.add(client);
    client.on("data", (request) => {
      if (wanted.count > 0 && request.includes(wanted.text)) {
        wanted.count--;
        doomed = true;
      }
      upstream.write(request);
    });
    upstream.on("data", (said) => {
      const answer = rewrite?.(said) ?? said;
      if (!doomed && delay > 0) return void setTimeout(() => client.write(answer), delay);
      if (!doomed) return void client.write(answer);
      if (isCut) return;
      isCut = true;
      lost++;
      void Promise.resolve(beforeCut?.()).then(() => client.destroy());
    });
    client
      .on("error", () => {})
      .on("close", () => {
        clients.delete(client);
        upstream.destroy();
      });
    upstream.on("error", () => {}).on("close", () => client.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const cut = () => {
    for (const client of clients) client.destroy();
  };
  return {
    port: address.port,
    get lost() {
      return lost;
    },
    get beforeCut() {
      return beforeCut;
    },
    set beforeCut(act) {
      beforeCut = act;
    },
    get rewrite() {
      return rewrite;
    },
    set rewrite(how) {
      rewrite = how;
    },
    get delay() {
      return delay;
    },
    set delay(ms) {
      delay = ms;
    },
    loseAnswersTo(text, count = 1) {
      wanted = { text, count };
    },
    cut,
    async close() {
      const closed = once(server.close(), "close");
      cut();
      await closed;
    },
  };
}
