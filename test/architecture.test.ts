/** The house rules that no compiler knows: who may import whom, who owns which dependency, how long a file may be. */
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const src = join(root, "src");

/** Words that every room may speak: the error table, the types of events, the time, what is worked out once. */
const BASE = ["errors", "events", "clock", "random", "remembered"];

/** Composition roots and the public face: nothing imports them but the roots of {@link STARTS}. */
const ROOTS = ["index", "cli", "server", "plugin", "testing"];

/**
 * Whom each room may import besides {@link BASE}. A room is a folder of `src`, a file at its top, or a part of
 * `store`: the port, the two drivers, and what chooses between them.
 */
const DOORS: Record<string, readonly string[]> = {
  errors: [],
  events: [],
  clock: [],
  random: [],
  remembered: [],
  config: [],
  log: ["config"],
  vault: [],
  metrics: [],
  migrations: [],
  store: [],
  "store/redis": ["store"],
  "store/lmdb": ["store"],
  "store/connect": ["store", "store/redis", "store/lmdb"],
  migrate: ["store", "migrations"],
  account: ["store", "migrations"],
  transfer: ["account", "store"],
  audit: ["store", "vault"],
  passkey: ["account", "store"],
  oidc: ["passkey", "account", "store", "vault", "log"],
  view: [],
  mail: ["account", "store", "view", "vault", "log"],
  http: ["mail", "oidc", "passkey", "account", "store", "view", "vault", "config", "log"],
  password: ["account", "store", "vault"],
  import: ["account", "store"],
  proof: ["account", "store"],
  "password-room": ["password", "account", "store", "vault", "config"],
  browser: [],
  demo: ["http", "oidc", "store", "view", "vault", "log"],
  "testing/": ["store", "passkey"],
  installation: [
    "audit",
    "mail",
    "migrate",
    "password-room",
    "config",
    "log",
    "vault",
    "store",
    "store/connect",
    "account",
    "passkey",
    "oidc",
  ],
  plugin: [
    "http",
    "mail",
    "oidc",
    "passkey",
    "password",
    "account",
    "store",
    "view",
    "vault",
    "log",
    "config",
  ],
  server: [
    "audit",
    "installation",
    "migrate",
    "password-room",
    "demo",
    "http",
    "mail",
    "metrics",
    "oidc",
    "passkey",
    "account",
    "store",
    "view",
    "vault",
    "config",
    "log",
  ],
  command: [
    "transfer",
    "audit",
    "installation",
    "import",
    "proof",
    "password",
    "password-room",
    "migrate",
    "metrics",
    "oidc",
    "account",
    "passkey",
    "store",
    "store/connect",
    "vault",
    "config",
    "log",
  ],
  cli: ["command", "config"],
  index: ["config", "log", "passkey", "account", "store", "oidc"],
  testing: ["testing/", "store"],
};

/** The rooms within `http`, floor by floor: each imports what is below it, and nothing beside or above. */
const FLOORS: readonly (readonly string[])[] = [
  ["entrance"],
  ["page"],
  ["library", "link", "short", "visit"],
  ["conversion", "recovery"],
  ["sign-in"],
  ["account", "portal"],
  ["routes"],
];

/** Roots that start one another. */
const STARTS = new Set([
  "cli > server",
  "command > server",
  "server > plugin",
  "index > plugin",
  "index > server",
]);

/** Files whose length is a table's, each with the reason. */
const LONG_FILES: Record<string, string> = {};

/** Who may import which package. `src/browser` is a bundle of its own. */
const OWNERS: Record<string, readonly string[]> = {
  "@koa/router": ["demo"],
  "@node-rs/argon2": ["password"],
  "@node-rs/bcrypt": ["password"],
  "@simplewebauthn/browser": ["browser"],
  "@simplewebauthn/server": ["passkey"],
  commander: ["cli", "command"],
  "csv-parse": ["import"],
  bowser: ["http"],
  eta: ["view"],
  ioredis: ["store/redis"],
  jose: ["oidc"],
  koa: ["oidc", "http", "server", "plugin", "demo"],
  lmdb: ["store/lmdb"],
  nodemailer: ["mail"],
  "oidc-provider": ["oidc", "plugin", "server", "demo"],
  "openid-client": ["demo"],
  pino: ["log"],
  "pino-pretty": ["log"],
  "prom-client": ["metrics"],
  "raw-body": ["http", "server"],
  zod: ["config", "http"],
};

interface Import {
  from: string;
  to: string;
}

const files = readdirSync(src, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.[jt]s$/.test(entry.name))
  .map((entry) => relative(src, join(entry.parentPath, entry.name)));

const imports: Import[] = files.flatMap((from) =>
  specifiersOf(readFileSync(join(src, from), "utf8")).map((to) => ({ from, to })),
);
const internal = imports
  .filter(({ to }) => to.startsWith("."))
  .map(({ from, to }) => ({ from, to: relative(src, join(src, dirname(from), to)) }));
const external = imports.filter(({ to }) => !to.startsWith(".") && !to.startsWith("node:"));

/** Everything a source file imports: static, type-only, re-exported, dynamic, `require` and `require.resolve`. */
function specifiersOf(source: string): string[] {
  const lines = source.split("\n").filter((line) => !/^\s*(\/?\*|\/\/)/.test(line));
  const found = lines
    .join("\n")
    .matchAll(
      /^(?:import|export)\b[^;"]*?\bfrom\s+"([^"]+)"|^import\s+"([^"]+)"|\b(?:import|require|require\.resolve)\(\s*"([^"]+)"/gm,
    );
  return [...found].map(([, a, b, c]) => a ?? b ?? c ?? "");
}

/** The room a file belongs to: its folder, one of the drivers, or itself where it lies at the top. */
function roomOf(file: string): string {
  const [first = "", second = ""] = file
    .replace(/\.[jt]s$/, "")
    .replace(/^\.\.\//, "")
    .split("/");
  if (second === "") return first;
  const part = first === "store" && /^(redis|lmdb|connect)$/.exec(second)?.[0];
  if (part) return `store/${part}`;
  return first === "testing" ? "testing/" : first;
}

/** The floor within `http` that a file is on, and its room there. */
function placeOf(file: string): { floor: number; room: string } {
  const [, room = "", inside] = file.split("/");
  const name = inside === undefined ? "routes" : room;
  return { floor: FLOORS.findIndex((rooms) => rooms.includes(name)), room: name };
}

function isUphill({ from, to }: Import): boolean {
  const [above, below] = [placeOf(from), placeOf(to)];
  return above.room !== below.room && above.floor <= below.floor;
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function mayImport(from: string, to: string): boolean {
  return (
    from === to || BASE.includes(to) || (DOORS[from] ?? []).includes(to) || STARTS.has(`${from} > ${to}`)
  );
}

describe("the reader of imports", () => {
  test("sees every form of import and none in a comment", () => {
    const source = [
      'import { a } from "./a.ts";',
      'import type {\n  B,\n} from "./b.ts";',
      'export * from "./c.ts";',
      'import "./d.ts";',
      'const e = await import("./e.ts");',
      'require.resolve("f");',
      ' * import { no } from "./comment.ts";',
      '// import { no } from "./comment.ts";',
    ].join("\n");
    expect(specifiersOf(source)).toEqual(["./a.ts", "./b.ts", "./c.ts", "./d.ts", "./e.ts", "f"]);
  });

  test("finds the sources", () => {
    expect(files).toContain("store/store.ts");
    expect(internal).toContainEqual({ from: "store/change.ts", to: "errors.ts" });
  });
});

describe("rooms", () => {
  test.each(Object.keys(DOORS))("%s imports only the rooms it may", (room) => {
    const edges = internal.filter(({ from }) => roomOf(from) === room);
    expect(edges.filter(({ to }) => !mayImport(room, roomOf(to)))).toEqual([]);
  });

  test("every room of src has its row in the table", () => {
    expect([...new Set(files.map(roomOf))].filter((room) => !(room in DOORS))).toEqual([]);
  });

  test("migrations import nothing but one another", () => {
    const folder = join(root, "migrations");
    const sources = readdirSync(folder).filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"));
    const found = sources.flatMap((name) => specifiersOf(readFileSync(join(folder, name), "utf8")));
    expect(sources.length).toBeGreaterThan(2);
    expect(found.filter((to) => !/^\.\/[\w-]+\.ts$/.test(to))).toEqual([]);
  });

  test("an import that goes uphill would be seen", () => {
    expect(mayImport("store", "account")).toBe(false);
    expect(mayImport("oidc", "http")).toBe(false);
    expect(mayImport("store/lmdb", "store/redis")).toBe(false);
    expect(mayImport("account", "store/redis")).toBe(false);
    expect(mayImport("http", "server")).toBe(false);
    expect(mayImport("http", "oidc")).toBe(true);
  });

  test("nobody imports a composition root but the root that starts it", () => {
    const edges = internal.map(({ from, to }) => [roomOf(from), roomOf(to)] as const);
    const intoRoots = edges.filter(([from, to]) => from !== to && ROOTS.includes(to));
    expect(intoRoots.filter(([from, to]) => !STARTS.has(`${from} > ${to}`))).toEqual([]);
  });

  test("a driver imports the port and nothing else of its folder", () => {
    const port = ["store", "record", "change", "limits", "finding", "bulk", "portions"].map(
      (name) => `store/${name}.ts`,
    );
    const strangers = internal.filter(
      ({ from, to }) =>
        /^store\/(redis|lmdb)$/.test(roomOf(from)) && roomOf(to) === "store" && !port.includes(to),
    );
    expect(strangers).toEqual([]);
  });

  test("within http every import goes down", () => {
    const within = internal.filter(({ from, to }) => roomOf(from) === "http" && roomOf(to) === "http");
    expect(files.filter((file) => roomOf(file) === "http" && placeOf(file).floor < 0)).toEqual([]);
    expect(within.filter(isUphill)).toEqual([]);
    expect(isUphill({ from: "http/page/page.ts", to: "http/sign-in/enrol.ts" })).toBe(true);
    expect(isUphill({ from: "http/link/undo.ts", to: "http/visit/visit.ts" })).toBe(true);
    expect(isUphill({ from: "http/sign-in/enrol.ts", to: "http/page/page.ts" })).toBe(false);
  });

  test("server and plugin share every line below them: routes and policy reach a provider through one room", () => {
    for (const shared of ["http/routes.ts", "http/page/failure.ts", "oidc/policy.ts"]) {
      const users = internal.filter(({ to }) => to === shared).map(({ from }) => roomOf(from));
      expect(users, shared).not.toContain("server");
    }
    const ofRoutes = internal.filter(({ to }) => to === "http/routes.ts").map(({ from }) => from);
    expect(ofRoutes.sort()).toEqual(["plugin.ts", "plugin/requests.ts"]);
    const fromPlugin = internal.filter(({ from, to }) => from === "server.ts" && roomOf(to) === "plugin");
    expect(fromPlugin.map(({ to }) => to)).toEqual(["plugin.ts"]);
  });

  test("there is no cycle between rooms", () => {
    const edges = internal.map(({ from, to }) => [roomOf(from), roomOf(to)] as const);
    expect(cycleIn(edges)).toBeUndefined();
    expect(
      cycleIn([
        ["a", "b"],
        ["b", "c"],
        ["c", "a"],
      ]),
    ).toEqual(["a", "b", "c", "a"]);
  });
});

describe("the map in CONTRIBUTING.md", () => {
  const [, text = ""] = readFileSync(join(root, "CONTRIBUTING.md"), "utf8").split("## The house\n");
  const [house = [], floors = []] = [...text.matchAll(/^```\n([\s\S]*?)^```$/gm)].map(([, map = ""]) =>
    map
      .trim()
      .split("\n")
      .map((line) => (/^.*?(?= {3})/.exec(line)?.[0] ?? line).split("  ")),
  );

  test("names every room, and no other", () => {
    const rooms = new Set(files.map((file) => roomOf(file).replace(/\/.*/, "")));
    expect(house.flat().sort()).toEqual([...rooms].sort());
    expect(floors.flat().sort()).toEqual(FLOORS.flat().sort());
  });

  test("goes from the top down", () => {
    const floorOf = (room: string) => house.findIndex((rooms) => rooms.includes(room.replace(/\/.*/, "")));
    const edges = Object.entries(DOORS).flatMap(([from, doors]) => doors.map((to) => [from, to] as const));
    const uphill = edges.filter(([from, to]) => to !== "migrations" && floorOf(to) < floorOf(from));
    expect(uphill).toEqual([]);
    const heights = floors.flat().map((room) => FLOORS.findIndex((rooms) => rooms.includes(room)));
    expect(heights).toEqual([...heights].sort((one, other) => other - one));
  });
});

/** The first way that leads back to where it began. */
function cycleIn(edges: readonly (readonly [string, string])[]): string[] | undefined {
  const leadNowhere = new Set<string>();
  const walk = (room: string, way: string[]): string[] | undefined => {
    if (way.includes(room)) return [...way.slice(way.indexOf(room)), room];
    if (leadNowhere.has(room)) return undefined;
    const next = edges.filter(([from, to]) => from === room && to !== room).map(([, to]) => to);
    for (const to of new Set(next)) {
      const cycle = walk(to, [...way, room]);
      if (cycle) return cycle;
    }
    leadNowhere.add(room);
    return undefined;
  };
  return edges.map(([from]) => walk(from, [])).find((cycle) => cycle !== undefined);
}

describe("dependencies", () => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const direct = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  const development = Object.keys(manifest.devDependencies);

  test("each is imported only by the room that owns it", () => {
    const strangers = external.filter(({ from, to }) => {
      const owners = OWNERS[packageOf(to)] ?? [];
      return !owners.includes(roomOf(from));
    });
    expect(strangers).toEqual([]);
  });

  test("Node's own modules are named with node:", () => {
    expect(external.filter(({ to }) => builtinModules.includes(to))).toEqual([]);
  });

  test("each direct one is used", () => {
    const used = new Set(external.map(({ to }) => packageOf(to)));
    expect(direct.filter((name) => !used.has(name))).toEqual([]);
  });

  test("the documentation gives each one a reason and the owner that this test knows", () => {
    const rows = [
      ...readFileSync(join(root, "docs/dependencies.md"), "utf8").matchAll(/^\| `([^`]+)` \|(.+)\|$/gm),
    ];
    const documented = new Map(
      rows.map(([, name, rest]) => [name, rest?.split("|").map((cell) => cell.trim())]),
    );
    expect([...documented.keys()].sort()).toEqual([...direct, ...development].sort());
    for (const [name, [why, owner] = []] of documented) {
      expect(why, `${name}: why`).not.toBe("");
      if (name && name in OWNERS) expect(owner, `${name}: owner`).toBe(OWNERS[name]?.join(", "));
    }
  });
});

describe("files", () => {
  test("none in src is longer than 300 lines, tables with a reason apart", () => {
    const long = files.filter((file) => readFileSync(join(src, file), "utf8").split("\n").length > 301);
    expect(long.filter((file) => !(file in LONG_FILES))).toEqual([]);
    expect(Object.keys(LONG_FILES).filter((file) => !long.includes(file))).toEqual([]);
  });
});
