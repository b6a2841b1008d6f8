/** CSV (RFC 4180) whose first record names the fields; groups are separated by semicolons. */
import { Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { judged } from "./json-lines.ts";
import { LONGEST_LINE } from "./lines.ts";
import { type Input, invalid, type Row, rowOf } from "./row.ts";

interface Parsed {
  record: string[];
  info: { lines: number };
  raw: string;
}

const FLAGS: Readonly<Record<string, boolean>> = {
  true: true,
  false: false,
  1: true,
  0: false,
  yes: true,
  no: false,
};

/** @throws `row_invalid` when there is no header */
export async function* readCsv(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Input> {
  const skipped: Skipped[] = [];
  let header: { names: string[]; raw: string } | undefined;
  // The parser runs ahead of us: what it skipped is told when its line has come.
  const wrong = (before = Number.POSITIVE_INFINITY) => {
    const due = skipped.findIndex((one) => lineOf(one) >= before);
    return skipped.splice(0, due < 0 ? skipped.length : due).map((one) => refusedInput(one, header?.raw));
  };
  try {
    for await (const parsed of parserOver(stream, skipped)) {
      const raw = parsed.raw.replace(/\r?\n$/, "");
      const line = parsed.info.lines;
      yield* wrong(line);
      if (header) yield { line, raw, header: header.raw, read: read(header.names, parsed.record) };
      else header = { names: headerOf(parsed.record), raw };
    }
  } catch (error) {
    if (!(error instanceof CsvError) || !header) throw readable(error);
    skipped.push({ error, raw: "" });
  }
  yield* wrong();
}

interface Skipped {
  error: CsvError | undefined;
  raw: string;
}

function parserOver(stream: AsyncIterable<Uint8Array>, skipped: Skipped[]): AsyncIterable<Parsed> {
  const parser = parse({
    bom: true,
    info: true,
    raw: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: LONGEST_LINE,
    on_skip(error, raw) {
      skipped.push({ error, raw: raw ?? "" });
      return undefined;
    },
  });
  const source = Readable.from(stream);
  source.once("error", (error) => parser.destroy(error));
  return source.pipe(parser);
}

function lineOf({ error }: Skipped): number {
  return Number((error as { lines?: number } | undefined)?.lines ?? 0);
}

/** What the parser says would repeat the input, so it is said in our own words. */
function refusedInput(skipped: Skipped, header: string | undefined): Input {
  const { raw } = skipped;
  const line = lineOf(skipped);
  const read = invalid("This record is no CSV, or longer than 64 KiB: check its quotes.");
  return { line, raw: raw.replace(/\r?\n$/, ""), ...(header === undefined ? {} : { header }), read };
}

function read(header: string[], record: string[]): Input["read"] {
  return judged(() => rowIn(header, record));
}

function headerOf(record: string[]): string[] {
  const names = record.map((name) => name.trim().toLowerCase());
  // A header that has none of these is the first account of a file without one.
  if (!names.some((name) => ["username", "email", "sub"].includes(name))) {
    throw invalid("The first record of a CSV file names its fields.");
  }
  return names;
}

function rowIn(header: string[], record: string[]): Row {
  if (record.length !== header.length) {
    throw invalid(`The header has ${header.length} fields, this record ${record.length}.`);
  }
  const cells = header.flatMap((name, at) => (record[at] === "" ? [] : [[name, record[at] ?? ""] as const]));
  if (new Set(header).size < header.length) throw invalid("The header names a field twice.");
  return rowOf(Object.fromEntries(cells.map(([name, cell]) => [name, meaning(name, cell)])));
}

function meaning(name: string, cell: string): unknown {
  if (name === "email_verified") return FLAGS[cell.trim().toLowerCase()] ?? cell;
  if (name !== "groups") return cell;
  return cell
    .split(";")
    .map((group) => group.trim())
    .filter((group) => group !== "");
}

function readable(error: unknown): unknown {
  if (!(error instanceof CsvError)) return error;
  return invalid("The file is no CSV: check its quotes.");
}
