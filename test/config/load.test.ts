import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConfigurationError, loadSettings } from "../../src/config/load.ts";
import { isRefusal } from "../../src/errors.ts";
import { type Folder, folder, SECRET } from "./folder.ts";

let here: Folder;
beforeEach(() => {
  here = folder();
});
afterEach(() => here.remove());

describe("defaults", () => {
  test("nothing set is a localhost installation in ./data", () => {
    expect(here.load()).toMatchObject({
      issuer: "http://localhost:3000",
      isLocal: true,
      rpId: "localhost",
      origins: [],
      port: 3000,
      host: "127.0.0.1",
      store: `lmdb:${join(here.path, "data")}`,
      secret: [],
      secretFile: join(here.path, "data/secret"),
      signUp: "open",
      trustProxy: 0,
      workers: 1,
      log: { level: "info", format: "json" },
      passwords: { mode: "offer", maxCost: { memory: 64, time: 1000 } },
      recovery: { codes: true, pass: true, email: false, delay: 0, grace: 7 * 86_400_000 },
      limits: {
        guesses: { perAccount: { count: 5, window: 900_000 }, perAddress: { count: 20, window: 3_600_000 } },
        ceremonies: { count: 600, window: 60_000 },
      },
    });
  });

  test("what depends on another setting follows it", () => {
    expect(here.load({ LATCHKEY_PORT: "3100" }).issuer).toBe("http://localhost:3100");
    const real = here.load({ LATCHKEY_ISSUER: "https://id.example.com", LATCHKEY_SECRET: SECRET });
    expect(real).toMatchObject({ isLocal: false, rpId: "id.example.com", signUp: "invite" });
    expect(real.secretFile).toBeUndefined();
    expect(here.load({ LATCHKEY_SECRET: SECRET }).secretFile).toBeUndefined();
    expect(here.load({ LATCHKEY_STORE: "redis://127.0.0.1" }).secretFile).toBe(
      join(here.path, "data/secret"),
    );
    expect(here.load({ LATCHKEY_STORE: "lmdb:/srv/id" }).secretFile).toBe("/srv/id/secret");
  });

  test("the log is pretty on a terminal only, unless it is said", () => {
    const format = (terminal: boolean, env = {}) =>
      loadSettings({ env, cwd: here.path, terminal }).log.format;
    expect(format(true)).toBe("pretty");
    expect(format(false)).toBe("json");
    expect(format(true, { LATCHKEY_LOG_FORMAT: "json" })).toBe("json");
  });

  test("auto means a process for each core, on Redis", () => {
    const { workers } = here.load({ LATCHKEY_WORKERS: "auto", LATCHKEY_STORE: "redis://127.0.0.1" });
    expect(workers).toBeGreaterThanOrEqual(1);
  });
});

describe("precedence", () => {
  test("default, file, environment, secret file, program: the later one counts", () => {
    expect(here.load().port).toBe(3000);
    here.file("latchkey.config.json", { port: 3001, secret: `file ${SECRET}` });
    expect(here.load().port).toBe(3001);
    expect(here.load({ LATCHKEY_PORT: "3002" }).port).toBe(3002);
    expect(here.load({ LATCHKEY_PORT: "3002" }, { port: 3003 }).port).toBe(3003);
    expect(here.load().secret).toEqual([`file ${SECRET}`]);
    expect(here.load({ LATCHKEY_SECRET: SECRET }).secret).toEqual([SECRET]);
    here.file("s", `pointed ${SECRET}\n`);
    const env = { LATCHKEY_SECRET: SECRET, LATCHKEY_SECRET_FILE: "s" };
    expect(here.load(env).secret).toEqual([`pointed ${SECRET}`]);
  });

  test("PORT counts where LATCHKEY_PORT is not set", () => {
    expect(here.load({ PORT: "4000" }).port).toBe(4000);
    expect(here.load({ PORT: "4000", LATCHKEY_PORT: "5000" }).port).toBe(5000);
  });

  test("an empty variable is a variable that is not set", () => {
    expect(here.load({ LATCHKEY_PORT: "", LATCHKEY_SECRET: "", LATCHKEY_SECRET_FILE: "" }).port).toBe(3000);
  });

  test("LATCHKEY_CONFIG names another file, which must then be there", () => {
    here.file("other.json", { port: 3005 });
    expect(here.load({ LATCHKEY_CONFIG: "other.json" }).port).toBe(3005);
    expect(here.problems({ LATCHKEY_CONFIG: "none.json" })).toEqual([
      `LATCHKEY_CONFIG: ${join(here.path, "none.json")} does not exist`,
    ]);
  });

  test("every secret has a variable that names a file", () => {
    here.file("store", "redis://user:hunter2@127.0.0.1:6379/1\n");
    here.file("mail", "smtps://user:hunter2@mail.example.com\n");
    const env = {
      LATCHKEY_STORE_FILE: "store",
      LATCHKEY_MAIL_URL_FILE: "mail",
      LATCHKEY_MAIL_FROM: "id@example.com",
    };
    expect(here.load(env)).toMatchObject({
      store: "redis://user:hunter2@127.0.0.1:6379/1",
      mail: { url: "smtps://user:hunter2@mail.example.com" },
    });
  });
});

describe("the file", () => {
  test("holds sections, lists, and groups with their own rules", () => {
    here.file("latchkey.config.json", {
      issuer: "https://id.example.com",
      origins: ["https://example.org", "https://example.net"],
      secret: [SECRET, `old ${SECRET}`],
      log: { level: "warn" },
      passwords: { mode: "require-after", requireAfter: "2027-01-31" },
      recovery: { delay: "12h" },
      limits: { guesses: { perAccount: "3/10m" } },
      groups: { staff: { passwords: { mode: "require" }, recovery: { codes: false, grace: "1d" } } },
    });
    expect(here.load()).toMatchObject({
      origins: ["https://example.org", "https://example.net"],
      secret: [SECRET, `old ${SECRET}`],
      log: { level: "warn", format: "json" },
      passwords: { mode: "require-after", requireAfter: "2027-01-31" },
      recovery: { delay: 43_200_000, codes: true },
      limits: {
        guesses: { perAccount: { count: 3, window: 600_000 }, perAddress: { count: 20, window: 3_600_000 } },
      },
      groups: { staff: { passwords: { mode: "require" }, recovery: { codes: false, grace: 86_400_000 } } },
    });
  });

  test("lists in the environment are comma separated", () => {
    const env = {
      LATCHKEY_ISSUER: "https://id.example.com",
      LATCHKEY_SECRET: `${SECRET},old ${SECRET}`,
      LATCHKEY_ORIGINS: "https://example.org, https://example.net",
    };
    const { secret, origins } = here.load(env);
    expect(secret).toEqual([SECRET, `old ${SECRET}`]);
    expect(origins).toEqual(["https://example.org", "https://example.net"]);
  });
});

describe("problems", () => {
  test("all are told at once, each with both of its names", () => {
    here.file("latchkey.config.json", { prot: 1, log: { level: "loud", colour: true }, passwords: 7 });
    const problems = here.problems({
      LATCHKEY_ISSUER: "http://id.example.com",
      LATCHKEY_PORT: "70000",
      LATCHKEY_WORKERS: "4",
      LATCHKEY_SIGNUP: "open",
      LATCHKEY_SIGN_UP: "maybe",
      LATCHKEY_SECRET: "short",
    });
    const expected = [
      /^"prot" .*did you mean port\?/,
      /^log\.level \(LATCHKEY_LOG_LEVEL\): .*debug, info, warn, error/,
      /^"log\.colour" .*did you mean log\./,
      /^"passwords" .*must be an object/,
      /^issuer \(LATCHKEY_ISSUER\): http: is for localhost only/,
      /^port \(LATCHKEY_PORT\): .*1 to 65535.*"70000"/,
      /^workers \(LATCHKEY_WORKERS\): more than 1 needs Redis/,
      /^"LATCHKEY_SIGNUP" .*did you mean LATCHKEY_SIGN_UP\?/,
      /^signUp \(LATCHKEY_SIGN_UP\): .*open, invite, closed/,
      /^secret \(LATCHKEY_SECRET\): .*at least 32 bytes/,
    ];
    for (const pattern of expected) expect(problems).toContainEqual(expect.stringMatching(pattern));
    expect(problems).toHaveLength(expected.length);
  });

  test("an unknown key of a group names the nearest that a group may have", () => {
    const staff = { passwords: { mod: "require", confirm: "none" }, recover: {}, limits: {} };
    here.file("latchkey.config.json", { groups: { staff, guests: { password: { mode: "offer" } } } });
    const problems = here.problems();
    const expected = [
      /^"groups\.staff\.passwords\.mod" in .* is no setting; did you mean groups\.staff\.passwords\.mode\?$/,
      /^"groups\.staff\.recover" in .* is no setting; did you mean groups\.staff\.recovery\?$/,
      /^"groups\.staff\.limits" in .* is no setting; did you mean groups\.staff\./,
      /^"groups\.guests\.password" in .* is no setting; did you mean groups\.guests\.passwords\?$/,
    ];
    for (const pattern of expected) expect(problems).toContainEqual(expect.stringMatching(pattern));
    expect(problems).toHaveLength(expected.length);
    here.file("latchkey.config.json", { groups: { staff: { passwords: staff.passwords } } });
    expect(here.problems()).toHaveLength(1);
    here.file("latchkey.config.json", { groups: { staff: { passwords: { mode: "require" } } } });
    expect(here.problems()).toEqual([]);
  });

  test("they come as one coded refusal that lists them", () => {
    const load = () => here.load({ LATCHKEY_PORT: "0", LATCHKEY_TRUST_PROXY: "-1" });
    expect(load).toThrow(ConfigurationError);
    try {
      load();
    } catch (error) {
      expect(isRefusal(error, "configuration_invalid") && error.detail?.split("\n")).toHaveLength(2);
    }
  });

  test("no secret is quoted, wherever it is wrong", () => {
    const hidden = "hunter2";
    here.file("latchkey.config.json", `{"secret": "${hidden}", "store": "${hidden}`);
    here.file("s", hidden, 0o666);
    const said = [
      ...here.problems({ LATCHKEY_SECRET: hidden, LATCHKEY_STORE: `mongo://u:${hidden}@h` }),
      ...here.problems({ LATCHKEY_SECRET_FILE: "s", LATCHKEY_MAIL_URL: `http://u:${hidden}@h` }),
      ...here.problems({}, { secret: { [hidden]: hidden }, store: [hidden], mail: { url: 7 } }),
    ];
    expect(said.length).toBeGreaterThan(6);
    expect(said.join("\n")).not.toContain(hidden);
  });

  test("variables of tests, benchmarks and clusters are none of ours", () => {
    const foreign = {
      LATCHKEY_TEST_SKIP: "redis",
      LATCHKEY_BENCH_ROUNDS: "3",
      LATCHKEY_SERVICE_HOST: "10.0.0.1",
      LATCHKEY_SERVICE_PORT_HTTP: "3000",
      LATCHKEY_PORT_3000_TCP_ADDR: "10.0.0.1",
      LATCHKEY_PORT: "tcp://10.0.0.1:3000",
    };
    expect(here.problems(foreign)).toEqual([]);
    expect(here.load(foreign).port).toBe(3000);
    expect(here.problems({ LATCHKEY_TESTS: "1" })).toHaveLength(1);
  });
});

describe("SEC-119 hostile files are refused", () => {
  test.each([
    ["is not valid JSON", "{ port: 3000 }"],
    ["is not valid JSON", '{"port":'],
    ["must hold one JSON object", "[1]"],
    ["must hold one JSON object", "null"],
    ["larger than 1 MiB", `{"issuer":"${"x".repeat(1024 * 1024)}"}`],
  ])("a configuration file that %s", (reason, content) => {
    here.file("latchkey.config.json", content);
    expect(here.problems()).toEqual([expect.stringContaining(reason)]);
  });

  test("a configuration file is read, with a byte order mark too", () => {
    here.file("latchkey.config.json", '\uFEFF{"port": 3001}', 0o644);
    expect(here.load().port).toBe(3001);
  });

  test("a configuration file that everybody may change", () => {
    here.file("latchkey.config.json", { port: 3001 }, 0o666);
    expect(here.problems()).toEqual([expect.stringContaining("chmod go-w")]);
    here.file("latchkey.config.json", { port: 3001 }, 0o664);
    expect(here.problems()).toEqual([]);
    here.file("latchkey.config.json", { secret: SECRET }, 0o664);
    expect(here.problems()).toEqual([
      expect.stringMatching(/^secret \(LATCHKEY_SECRET\): .*changed by its group/),
    ]);
  });

  test.each([0o777, 0o666, 0o620, 0o602])("a secret file of mode %o", (mode) => {
    here.file("s", SECRET, mode);
    expect(here.problems({ LATCHKEY_SECRET_FILE: "s" })).toEqual([expect.stringContaining("chmod go-w")]);
  });

  test.each([0o600, 0o400, 0o444])("a secret file of mode %o is read", (mode) => {
    here.file("s", SECRET, mode);
    expect(here.load({ LATCHKEY_SECRET_FILE: "s" }).secret).toEqual([SECRET]);
  });

  test("a secret file that is empty, missing, a folder or a device", () => {
    here.file("empty", "\n");
    for (const name of ["empty", "missing", ".", "/dev/zero"]) {
      expect(here.problems({ LATCHKEY_SECRET_FILE: name })).toEqual([
        expect.stringMatching(/^secret \(LATCHKEY_SECRET\): LATCHKEY_SECRET_FILE/),
      ]);
    }
  });

  test("SEC-108 names that reach into prototypes are unknown keys", () => {
    for (const content of [
      '{"__proto__":{"isAdmin":true}}',
      '{"constructor":{"prototype":{"isAdmin":true}}}',
      '{"groups":{"__proto__":{"isAdmin":true}}}',
      '{"groups":{"staff":{"__proto__":{"isAdmin":true}}}}',
      '{"log":{"__proto__":{"level":"debug"}}}',
    ]) {
      here.file("latchkey.config.json", content);
      expect(here.problems(), content).toHaveLength(1);
    }
    here.file("latchkey.config.json", '{"groups":{"constructor":{}}}');
    expect(Object.keys(here.load().groups)).toEqual(["constructor"]);
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
  });
});
