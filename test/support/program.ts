/** A program of ours as its user runs it: started in a process group of its own, read line by line, ended by a signal. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Program {
  readonly stdout: string[];
  readonly stderr: string[];
  /** The first line of standard output for which `find` gives something. Rejects when the program ends before it. */
  line<T>(find: (line: string) => T | undefined): Promise<T>;
  /** What the program said on either stream, for messages of failed tests. */
  said(): string;
  /** Sends a signal to the program alone, as a supervisor does, not to its children. */
  signal(name: NodeJS.Signals): void;
  /** Ctrl-C: a terminal sends SIGINT to the whole group, so that npm gets it and passes it on a second time. */
  interrupt(): void;
  /** The exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>;
  /** Processes of its group that are still there. */
  survivors(): number[];
  /** Ends the whole group, whatever state it is in. */
  clear(): void;
}

/** The environment of a test's program: the tester's own without any setting of Latchkey or npm. */
export function cleanEnvironment(settings: Record<string, string> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(latchkey_|npm_|vitest|node_env$|port$)/i.test(name),
  );
  return { ...Object.fromEntries(own), ...settings };
}

/** Starts a program in `cwd` (the project's root by default). */
export function startProgram(
  command: string,
  args: readonly string[],
  o: { env?: Record<string, string>; cwd?: string } = {},
): Program {
  const child = spawn(command, args, {
    cwd: o.cwd ?? root,
    env: cleanEnvironment(o.env),
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const stdout: string[] = [];
  const stderr: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => stdout.push(line));
  createInterface({ input: child.stderr }).on("line", (line) => stderr.push(line));
  const ended = once(child, "close").then(([code, signal]) => code ?? signal);
  const group = child.pid as number;
  const said = () => [...stdout, ...stderr].join("\n");
  const program: Program = {
    stdout,
    stderr,
    said,
    ended,
    signal: (name) => void child.kill(name),
    interrupt: () => void process.kill(-group, "SIGINT"),
    survivors: () => processesOfGroup(group),
    clear: () => processesOfGroup(group).forEach(endProcess),
    line(find) {
      return new Promise((resolve, reject) => {
        const look = (line: string) => {
          const found = find(line);
          if (found !== undefined) resolve(found);
        };
        stdout.forEach(look);
        lines.on("line", look);
        ended.then(
          (code) => reject(new Error(`ended with ${code} before the expected line:\n${said()}`)),
          reject,
        );
      });
    },
  };
  return program;
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // gone meanwhile
  }
}

/** Living processes of a group, by /proc (Linux): `pid (name) state parent group …`. */
function processesOfGroup(group: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const [state, , found] = statusOf(pid);
      return Number(found) === group && state !== "Z";
    })
    .map(Number);
}

function statusOf(pid: string): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return []; // gone meanwhile
  }
}

/** The JSON of a log line with this message. */
export function logLine(message: string): (line: string) => Record<string, unknown> | undefined {
  return (line) => {
    if (!line.startsWith("{")) return undefined;
    const entry = JSON.parse(line) as Record<string, unknown>;
    return entry.msg === message ? entry : undefined;
  };
}
