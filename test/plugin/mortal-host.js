/**
 * A host in a process of its own, with its users in a file, that kills itself in the middle of erasing a password:
 * before it has done so, or after. Made of the built program. Talks to the test that started it by messages.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const built = (file) => import(new URL(`../../dist/${file}`, import.meta.url).href);
const { connectStore } = await built("store/connect.js");
const { passkeys } = await built("plugin/passkeys.js");

const { STORE, USERS, PORT, DIES } = process.env;
const issuer = `http://localhost:${PORT}`;
const load = () => JSON.parse(readFileSync(USERS, "utf8"));
const die = () => process.kill(process.pid, "SIGKILL");

const accounts = {
  find: (id) => (load().id === id ? { accountId: id, claims: () => ({ sub: id }) } : undefined),
  findByLogin: () => load().id,
  verifyPassword(_id, password) {
    process.send({ verified: true });
    return load().typed === password;
  },
  dropPassword() {
    if (DIES === "before") die();
    writeFileSync(USERS, JSON.stringify({ ...load(), password: null }));
    if (DIES === "after") die();
  },
  countPasswords: () => (load().password === null ? 0 : 1),
};

const store = await connectStore(STORE);
const keys = passkeys({ issuer, store, accounts });
const provider = new Provider(issuer, keys.configuration({ cookies: { keys: ["a key"] } }));
keys.mount(provider);
process.on("message", async (wanted) => {
  process.send(wanted === "drop" ? { dropped: await keys.drop() } : { status: await keys.status() });
});
process.on("disconnect", () => process.exit(0));
createServer(provider.callback()).listen(Number(PORT), "127.0.0.1", () => process.send({ serving: true }));
