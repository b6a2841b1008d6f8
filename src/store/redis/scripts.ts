/**
 * What Redis runs. Each script touches one key, gets everything else as an argument, and may be repeated.
 *
 * A record is `<version> <json>`; one that was taken is `<mark><version> <json>`, and a mark begins with `!`.
 */
import { createHash } from "node:crypto";

export interface Script {
  readonly lua: string;
  readonly sha: string;
  /**
   * What a repeat may answer although the first attempt, whose answer was lost, was carried out: then nobody knows.
   */
  readonly unsure?: unknown;
}

/**
 * The last argument to a script whose effect is waited for. A server confirms to a connection what that connection has
 * written (since 7.2, that alone), so a repeat that finds everything done writes it again: otherwise the confirmation
 * would come at once, whatever became of the first write.
 */
export const AWAITED = "awaited";

function script(lua: string, about: { unsure?: unknown } = {}): Script {
  return { lua, sha: createHash("sha1").update(lua).digest("hex"), ...about };
}

export const commit = script(
  `
-- KEYS: record
-- ARGV: expected version or "absent", new version, JSON, milliseconds to live or "", and "awaited" when it is
-- returns 1 when the record has the new version, 0 when somebody else was faster
local head = redis.call("GETRANGE", KEYS[1], 0, 32)
local found = string.match(head, "^([%w_-]+) ") or "absent"
if found == ARGV[2] then
  if ARGV[5] then redis.call("SET", KEYS[1], redis.call("GET", KEYS[1]), "KEEPTTL") end
  return 1
end
if found ~= ARGV[1] then return 0 end
if ARGV[4] == "" then
  redis.call("SET", KEYS[1], ARGV[2] .. " " .. ARGV[3])
else
  redis.call("SET", KEYS[1], ARGV[2] .. " " .. ARGV[3], "PX", ARGV[4])
end
return 1
`,
  // It was committed, and somebody committed over it.
  { unsure: 0 },
);

export const take = script(`
-- KEYS: record
-- ARGV: mark of this attempt, milliseconds for which a taken record is kept
-- returns the record to the first taker, and to its repeats; to others nil
local record = redis.call("GET", KEYS[1])
if not record then return false end
if string.sub(record, 1, #ARGV[1]) == ARGV[1] then return string.sub(record, #ARGV[1] + 1) end
if string.sub(record, 1, 1) == "!" then return false end
local kept = tonumber(ARGV[2])
local left = redis.call("PTTL", KEYS[1])
if left >= 0 and left < kept then kept = math.max(left, 1) end
redis.call("SET", KEYS[1], ARGV[1] .. record, "PX", kept)
return record
`);

export const remove = script(`
-- KEYS: record
-- ARGV: "awaited" when it is
local removed = redis.call("DEL", KEYS[1])
if removed == 0 and ARGV[1] then
  redis.call("SET", KEYS[1], "")
  redis.call("DEL", KEYS[1])
end
return removed
`);

export const count = script(`
-- KEYS: counter
-- ARGV: milliseconds of the window
-- returns the count with this call in it
local count = redis.call("INCR", KEYS[1])
if count == 1 then redis.call("PEXPIRE", KEYS[1], ARGV[1]) end
return count
`);

export const join = script(`
-- KEYS: set
-- ARGV: member, milliseconds to live or "" in an ordered set
-- returns 0 when the set is of the other sort. A kept member has score 0, any other the time at which it leaves
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call("ZREMRANGEBYSCORE", KEYS[1], 1, now)
local first = redis.call("ZRANGE", KEYS[1], 0, 0, "WITHSCORES")[2]
if first and (tonumber(first) == 0) ~= (ARGV[2] == "") then return 0 end
if ARGV[2] == "" then
  redis.call("ZADD", KEYS[1], 0, ARGV[1])
  return 1
end
redis.call("ZADD", KEYS[1], "GT", string.format("%.0f", now + ARGV[2]), ARGV[1])
redis.call("PEXPIREAT", KEYS[1], redis.call("ZRANGE", KEYS[1], -1, -1, "WITHSCORES")[2])
return 1
`);

export const members = script(`
-- KEYS: set
-- ARGV: where a page of an ordered set begins ("-" or "(member"), how many it has
-- returns a page of an ordered set, or all live members of another
local first = redis.call("ZRANGE", KEYS[1], 0, 0, "WITHSCORES")[2]
if first and tonumber(first) == 0 then
  return redis.call("ZRANGEBYLEX", KEYS[1], ARGV[1], "+", "LIMIT", 0, ARGV[2])
end
local time = redis.call("TIME")
local now = string.format("%.0f", time[1] * 1000 + math.floor(time[2] / 1000))
return redis.call("ZRANGEBYSCORE", KEYS[1], "(" .. now, "+inf")
`);

export const append = script(`
-- KEYS: log
-- ARGV: the event as JSON
-- An event that is there already stays where it is. The score is the time in microseconds, always after the newest
if redis.call("ZSCORE", KEYS[1], ARGV[1]) then return 0 end
local time = redis.call("TIME")
local score = time[1] * 1000000 + time[2]
local newest = redis.call("ZRANGE", KEYS[1], -1, -1, "WITHSCORES")[2]
if newest and tonumber(newest) >= score then score = tonumber(newest) + 1 end
redis.call("ZADD", KEYS[1], string.format("%.0f", score), ARGV[1])
return 1
`);

export const put = script(`
-- KEYS: record
-- ARGV: version, JSON, milliseconds to live or "", and "awaited" when it is
-- returns 0 when the record has this version already
local head = redis.call("GETRANGE", KEYS[1], 0, 32)
if string.match(head, "^([%w_-]+) ") == ARGV[1] then
  if ARGV[4] then redis.call("SET", KEYS[1], redis.call("GET", KEYS[1]), "KEEPTTL") end
  return 0
end
if ARGV[3] == "" then
  redis.call("SET", KEYS[1], ARGV[1] .. " " .. ARGV[2])
else
  redis.call("SET", KEYS[1], ARGV[1] .. " " .. ARGV[2], "PX", ARGV[3])
end
return 1
`);

export const putCounter = script(`
-- KEYS: counter
-- ARGV: count, milliseconds that are left of its window
-- returns 0 when it stood there already
local before = redis.call("GET", KEYS[1])
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
return before == ARGV[1] and 0 or 1
`);

export const page = script(`
-- KEYS: set
-- ARGV: cursor, about how many
-- returns the time, the next cursor, members with the times at which they leave, or 0
local time = redis.call("TIME")
local now = string.format("%.0f", time[1] * 1000 + math.floor(time[2] / 1000))
local found = redis.call("ZSCAN", KEYS[1], ARGV[1], "COUNT", ARGV[2])
return { now, found[1], found[2] }
`);
