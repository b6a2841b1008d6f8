/** Which format an input has, by its first bytes. */
import { readCsv } from "./csv.ts";
import { readJsonLines } from "./json-lines.ts";
import { readKeycloak } from "./keycloak.ts";
import type { Input } from "./row.ts";

export const FORMATS = ["jsonl", "csv", "keycloak"] as const;
export type Format = (typeof FORMATS)[number];

const readers: Record<Format, (stream: AsyncIterable<Uint8Array>) => AsyncGenerator<Input>> = {
  jsonl: readJsonLines,
  csv: readCsv,
  keycloak: readKeycloak,
};

/** How much is looked at. A realm says its name, or begins its users, well within it. */
const HEAD = 64 * 1024;

/** Reads an input of a given format, or of the one that it looks like. */
export async function* readInputs(stream: AsyncIterable<Uint8Array>, format?: Format): AsyncGenerator<Input> {
  const chunks = stream[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let size = 0;
  while (format === undefined && size < HEAD) {
    const { done, value } = await chunks.next();
    if (done) break;
    head.push(value);
    size += value.length;
  }
  yield* readers[format ?? formatOf(Buffer.concat(head).toString("latin1"))](joined(head, chunks));
}

/** An object that says `realm` or `users` before its first line feed ends another object is Keycloak's. */
function formatOf(head: string): Format {
  const text = head.replace(/^\u00ef\u00bb\u00bf/, "").trimStart();
  if (!text.startsWith("{")) return "csv";
  const [first = ""] = text.split("\n");
  const isWhole = first.trimEnd().endsWith("}") && !/"(?:realm|users)"\s*:/.test(first);
  return !isWhole && /"(?:realm|users)"\s*:/.test(text) ? "keycloak" : "jsonl";
}

async function* joined(head: Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* head;
  for (;;) {
    const { done, value } = await rest.next();
    if (done) return;
    yield value;
  }
}
