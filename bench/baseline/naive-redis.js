/**
 * The baseline b1: bare oidc-provider over Redis with the kind of adapter that most examples show: one key for each
 * record, JSON, a list of keys for each grant, an index key for each session's uid, nothing pipelined that the
 * examples do not pipeline. It is here to be measured; do not run it: a code redeemed twice at once gives tokens twice.
 */
import { Redis } from "ioredis";
import { serve } from "./bare.js";

const redis = new Redis(process.env.BASELINE_REDIS, { keyPrefix: "oidc:" });

const consumable = new Set([
  "AuthorizationCode",
  "RefreshToken",
  "DeviceCode",
  "BackchannelAuthenticationRequest",
]);
const grantable = new Set(["AccessToken", ...consumable]);

class NaiveAdapter {
  constructor(model) {
    this.model = model;
  }

  key(id) {
    return `${this.model}:${id}`;
  }

  async upsert(id, payload, expiresIn) {
    const key = this.key(id);
    const batch = redis.multi();
    const text = JSON.stringify(payload);
    if (consumable.has(this.model)) batch.hset(key, { payload: text });
    else batch.set(key, text);
    if (expiresIn) batch.expire(key, expiresIn);
    if (grantable.has(this.model) && payload.grantId) {
      const list = `grant:${payload.grantId}`;
      batch.rpush(list, key);
      if (expiresIn > (await redis.ttl(list))) batch.expire(list, expiresIn);
    }
    if (payload.userCode) batch.set(`userCode:${payload.userCode}`, id, "EX", expiresIn);
    if (payload.uid) batch.set(`uid:${payload.uid}`, id, "EX", expiresIn);
    await batch.exec();
  }

  async find(id) {
    const key = this.key(id);
    if (!consumable.has(this.model)) return JSON.parse((await redis.get(key)) ?? "null") ?? undefined;
    const { payload, consumed } = await redis.hgetall(key);
    return payload && { ...JSON.parse(payload), ...(consumed && { consumed: Number(consumed) }) };
  }

  async findByUid(uid) {
    return this.find(await redis.get(`uid:${uid}`));
  }

  async findByUserCode(code) {
    return this.find(await redis.get(`userCode:${code}`));
  }

  async consume(id) {
    await redis.hset(this.key(id), "consumed", Math.floor(Date.now() / 1000));
  }

  async destroy(id) {
    await redis.del(this.key(id));
  }

  async revokeByGrantId(grantId) {
    const members = await redis.lrange(`grant:${grantId}`, 0, -1);
    await redis.del(...members, `grant:${grantId}`);
  }
}

serve(NaiveAdapter);
