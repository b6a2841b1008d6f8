/**
 * A server that kills itself where a test says so: before or after the n-th operation on its store. Made of the built
 * program, which knows nothing of it. Talks to the test that started it by messages.
 */
import { writeSync } from "node:fs";

/** A spare one has everything loaded and waits until it is needed; then it opens the store. */
const needed = new Promise((resolve) => {
  process.on("message", (message) => message.serve && resolve());
});

const built = (file) => import(new URL(`../../dist/${file}`, import.meta.url).href);
const { loadSettings } = await built("config/load.js");
const { connectStore } = await built("store/connect.js");
const { startServer } = await built("server.js");

const METHODS = ["read", "write", "commit", "take", "remove", "count", "join", "leave", "members", "append"];
/** What no request asks for. */
const BACKGROUND = /^(meta|lock):/;

/** Which operation is the last one: `{ at, when: "before" | "after" }`. */
let last;
let passed = [];

function die(point) {
  writeSync(1, `died ${point}\n`);
  process.kill(process.pid, "SIGKILL");
}

function mortal(store) {
  return new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name);
      if (!METHODS.includes(name)) return typeof member === "function" ? member.bind(target) : member;
      return async (...args) => {
        if (!last || BACKGROUND.test(args[0])) return member.apply(target, args);
        const point = `${name} ${args[0].split(":")[0]}`;
        // Whoever asks meanwhile what happened ends the watch; a death that is due comes all the same.
        const due = passed.push(point) === last.at ? last.when : undefined;
        if (due === "before") die(`before ${point}`);
        const result = await member.apply(target, args);
        if (due === "after") die(`after ${point}`);
        return result;
      };
    },
  });
}

/** What commands do, in a process that dies as the server does. */
const works = {
  async rotate(installation) {
    const { rotateKeys } = await built("oidc/keys.js");
    await rotateKeys(installation, 0);
  },
  async seal(installation, waive) {
    const [{ seal }, { passwordSafe }] = await Promise.all([
      built("password/seal.js"),
      built("password-room.js"),
    ]);
    await seal(await passwordSafe(installation), { waive });
  },
};

async function work({ run, about }) {
  const { openInstallation } = await built("installation.js");
  await works[run](await openInstallation(settings, { store: mortal(store) }), about);
}

process.on("message", (message) => {
  if (message.serve) return;
  if (message.run) {
    work(message).then(
      () => process.send({ ran: true }),
      (error) => process.send({ ran: false, reason: String(error) }),
    );
    return;
  }
  last = message.last;
  process.send({ passed });
  passed = [];
});
process.on("disconnect", () => process.exit(0));

await needed;
const settings = loadSettings();
const store = await connectStore(settings.store, { durability: settings.durability });
await startServer(settings, { store: mortal(store) });
process.send({ serving: true });
