/** A look at a small body without taking it: whoever comes next reads it as if nobody had. */
import type { IncomingMessage } from "node:http";

/** Far more than a form of the token endpoint needs. */
const LIMIT = 8 * 1024;

/** The body, or `undefined` when it is not small, says not how long it is, or never came. */
export function peek(request: IncomingMessage): Promise<Buffer | undefined> {
  const { headers } = request;
  const length = Number(headers["content-length"]);
  if (!(length > 0 && length <= LIMIT) || headers["transfer-encoding"] !== undefined)
    return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const done = (body?: Buffer) => {
      request.off("readable", look).off("close", gone);
      resolve(body);
    };
    const gone = () => done();
    const look = () => {
      if (request.readableLength < length) return;
      const body = request.read() as Buffer;
      // Put back at once: a stream ends when it is found empty, and this one must not.
      request.unshift(body);
      done(body);
    };
    request.on("readable", look).on("close", gone);
  });
}
