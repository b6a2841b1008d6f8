/** Steps that a command takes: other keys sign from now on, and no password is left for good. */
import assert from "node:assert/strict";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { passwordState, readPasswordState, STATE } from "../../src/account/password-state.ts";
import { listKeys } from "../../src/oidc/keys.ts";
import { importInto } from "../support/imported.ts";
import type { Flow, Mortal } from "../support/mortal.ts";
import { passwordOpens } from "./ways.ts";

/** Every key that signs is published, one signs for each algorithm, and what it signs is accepted. */
async function signsWell({ app, browser, installation, issuer }: Mortal): Promise<number> {
  const keys = await listKeys(installation);
  const signing = keys.filter(({ state }) => state === "signing").map(({ alg }) => alg);
  assert.deepEqual(signing.sort(), ["ES256", "RS256"]);
  const tokens = await app.signUp(browser(), { username: `signer${Math.random().toString(36).slice(2)}` });
  const published = createRemoteJWKSet(new URL("/jwks", issuer));
  await jwtVerify(String(tokens.response.id_token), published, { issuer });
  return keys.length;
}

const rotation: Flow<number> = {
  name: "rotation of the keys",
  prepare: async ({ installation }) => (await listKeys(installation)).length,
  act: (mortal) => mortal.run("rotate"),
  async check(mortal, before, acknowledged) {
    const now = await signsWell(mortal);
    assert.ok(now === before || now === before + 2, `half a rotation: ${before} keys, then ${now}`);
    assert.ok(now > before || !acknowledged, "an acknowledged rotation is lost");
  },
};

const seal: Flow<{ id: string; username: string }> = {
  name: "the seal",
  async prepare(mortal) {
    // The seal is for ever; here it is lifted by hand, for the next death. The server that runs knows nothing of that,
    // and need not: what seals has an installation of its own.
    await mortal.store.store.remove(passwordState.key(STATE));
    await unlock(mortal);
    const { id, username } = await importInto(mortal.installation);
    return { id, username };
  },
  act: (mortal, { id }) => mortal.run("seal", [id]),
  async check(mortal, { id, username }, acknowledged) {
    const { store } = mortal.store;
    const found = await readPasswordState(store);
    assert.ok(found.seal === "sealed" || !acknowledged, "an acknowledged seal is lost");
    await unlock(mortal);
    assert.ok(await mortal.run("seal", [id]), "a seal that was killed does not go on");
    const { seal: now, keys } = await readPasswordState(store);
    assert.deepEqual({ now, keys }, { now: "sealed", keys: [] });
    assert.equal(await store.read(`password:${id}`), undefined, "a verifier is left");
    assert.equal((await mortal.installation.accounts.find(id))?.value.password?.state, "closed");
    await mortal.kill();
    await mortal.start();
    assert.ok(!(await passwordOpens(mortal, username)), "a sealed password signs in");
  },
};

/** The lock of a process that was killed would expire in half a minute. */
function unlock({ store }: Mortal): Promise<void> {
  return store.store.remove("lock:passwords");
}

export const works = [rotation, seal] as Flow[];
