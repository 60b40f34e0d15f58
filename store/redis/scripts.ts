import { LEDGER_LIMITS } from "#crds";
import * as ledger from "./ledger-scripts.ts";
import * as presence from "./presence-scripts.ts";

/** A mark is the hash `id:<key>`: event, gateway and, once taken, the ack. key, event, gateway → nothing, or event and ack. */
const begin = `
local mark = KEYS[1] .. 'id:' .. ARGV[1]
if redis.call('HSETNX', mark, 'event', ARGV[2]) == 1 then
  redis.call('HSET', mark, 'gateway', ARGV[3])
  redis.call('PEXPIRE', mark, ${LEDGER_LIMITS.markMs})
  return {}
end
return redis.call('HMGET', mark, 'event', 'ack')
`;

const take = `
local mark = KEYS[1] .. 'id:' .. ARGV[1]
if redis.call('EXISTS', mark) == 0 then
  if ARGV[3] == '' then return 0 end
  redis.call('HSET', mark, 'event', ARGV[3])
end
redis.call('HSET', mark, 'ack', ARGV[2])
return redis.call('PEXPIRE', mark, ${LEDGER_LIMITS.markMs})
`;

const drop = `
local mark = KEYS[1] .. 'id:' .. ARGV[1]
if redis.call('HEXISTS', mark, 'ack') == 1 then return 0 end
return redis.call('UNLINK', mark)
`;

/** user, before, ttl in ms: of several the widest holds. */
const revokeUser = `
local key = KEYS[1] .. 'revoked:user:' .. ARGV[1]
local before, ttl = tonumber(ARGV[2]), tonumber(ARGV[3])
before = math.max(before, tonumber(redis.call('GET', key) or before))
ttl = math.max(ttl, redis.call('PTTL', key))
return redis.call('SET', key, string.format('%.17g', before), 'PX', ttl)
`;

const sharedHistory = `
local key, call = KEYS[1] .. 'history:' .. ARGV[1], redis.call
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function expires(entry) return tonumber(string.match(entry, '^(%d+)|')) end
local function prune()
  local oldest = call('LINDEX', key, 0)
  while oldest and expires(oldest) <= now do
    call('LPOP', key)
    oldest = call('LINDEX', key, 0)
  end
end
`;

/** A channel's history is the list `history:<channel>` of `<ms when it expires>|<msgpack>`. channel, entry, maxMessages, ttl in ms. */
const append = `${sharedHistory}
local ttl = tonumber(ARGV[4])
call('RPUSH', key, string.format('%.0f', now + ttl) .. '|' .. ARGV[2])
call('LTRIM', key, -tonumber(ARGV[3]), -1)
prune()
return call('PEXPIRE', key, math.max(ttl, call('PTTL', key)))
`;

const last = `${sharedHistory}
prune()
local live = {}
for _, entry in ipairs(call('LRANGE', key, -tonumber(ARGV[2]), -1)) do
  if expires(entry) > now then live[#live + 1] = entry end
end
return live
`;

/** A session is the hash `session:<pid>`: user, guest, turn, version, body; one that was taken has only its turn. pid, user, guest, turn, version, body, ttl in ms. */
const sessionPut = `
local key = KEYS[1] .. 'session:' .. ARGV[1]
local found = redis.call('HMGET', key, 'turn', 'version')
local turn, version = tonumber(found[1] or 0), tonumber(found[2] or 0)
if turn > tonumber(ARGV[4]) then return 0 end
if turn == tonumber(ARGV[4]) and version > tonumber(ARGV[5]) then return 0 end
redis.call('HSET', key, 'user', ARGV[2], 'guest', ARGV[3], 'turn', ARGV[4], 'version', ARGV[5], 'body', ARGV[6])
return redis.call('PEXPIRE', key, ARGV[7])
`;

/** pid, user, guest → nothing, 'taken', or user, guest, turn, version, body; the turn keeps earlier ones out for a minute at least. */
const sessionTake = `
local key = KEYS[1] .. 'session:' .. ARGV[1]
local found = redis.call('HMGET', key, 'user', 'guest', 'version', 'body')
if not found[4] then return redis.call('EXISTS', key) == 1 and {'taken'} or {} end
if found[1] ~= ARGV[2] and not (ARGV[3] == '1' and found[2] == '1') then return {} end
local turn = redis.call('HINCRBY', key, 'turn', 1)
redis.call('HDEL', key, 'user', 'guest', 'version', 'body')
redis.call('PEXPIRE', key, math.max(60000, redis.call('PTTL', key)))
return {found[1], found[2], tostring(turn), found[3] or '0', found[4]}
`;

/** ttl in ms, pids */
const sessionKeep = `
for at = 2, #ARGV do
  local key = KEYS[1] .. 'session:' .. ARGV[at]
  if redis.call('HEXISTS', key, 'body') == 1 then redis.call('PEXPIRE', key, ARGV[1]) end
end
`;

const sessionDrop = `
local key = KEYS[1] .. 'session:' .. ARGV[1]
if tonumber(redis.call('HGET', key, 'turn') or 0) > tonumber(ARGV[2]) then return 0 end
return redis.call('UNLINK', key)
`;

/** A candidate for the data's epoch, node → the epoch, and whether another evicted the node since. */
const beat = `
redis.call('SET', KEYS[1] .. 'epoch', ARGV[1], 'NX')
return {redis.call('GET', KEYS[1] .. 'epoch'), redis.call('DEL', KEYS[1] .. 'evicted:' .. ARGV[2])}
`;

/** Every script by name; all take the key prefix as their only key. */
export const SCRIPTS = {
  ledgerRecord: ledger.record,
  ledgerOverview: ledger.overview,
  idBegin: begin,
  idTake: take,
  idDrop: drop,
  presenceConnect: presence.connect,
  presenceDisconnect: presence.disconnect,
  presenceEnter: presence.enter,
  presenceLeave: presence.leave,
  presenceChannelsOf: presence.channelsOf,
  presenceEvict: presence.evict,
  revokeUser,
  historyAppend: append,
  historyLast: last,
  sessionPut,
  sessionTake,
  sessionKeep,
  sessionDrop,
  beat,
};
export type ScriptName = keyof typeof SCRIPTS;
