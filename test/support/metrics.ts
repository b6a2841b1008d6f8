/** The numbers of an admin port, read as Prometheus reads them. */

export interface Scraped {
  status: number;
  type: string;
  text: string;
  /** The value of one series, its labels in whatever order. */
  value(name: string, labels?: Record<string, string>): number | undefined;
  /** The names and labels of every series. */
  series: string[];
}

/** On a connection of its own, which any process may take. */
export async function scrape(port: number, headers: Record<string, string> = {}): Promise<Scraped> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, {
    headers: { connection: "close", ...headers },
  });
  const text = await answer.text();
  const samples = text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map(sampleOf);
  return {
    status: answer.status,
    type: answer.headers.get("content-type") ?? "",
    text,
    value: (name, labels = {}) => samples.find((sample) => sample.key === keyOf(name, labels))?.value,
    series: samples.map(({ key }) => key),
  };
}

function sampleOf(line: string): { key: string; value: number } {
  const [, name = "", labels = "", value = ""] = /^([a-z_:A-Z0-9]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === "") throw new Error(`this is no sample: ${line}`);
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = "", text = ""]) => [
    label,
    text,
  ]);
  return { key: keyOf(name, Object.fromEntries(pairs)), value: Number(value.replace("+Inf", "Infinity")) };
}

function keyOf(name: string, labels: Record<string, string>): string {
  return `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
}
