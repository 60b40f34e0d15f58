import { LEDGER_LIMITS } from "#crds";

/**
 * A job is the string `job:<jobKey>`, a JSON array of strings in the order of `FIELDS` ("" is none), so that Lua neither loses digits
 * nor confuses empty lists; values are JSON in it. It is listed in `list:<waiting|running|finished>:<pool>`, sorted sets by time.
 */
export const FIELDS = [
  "id",
  "user",
  "pool",
  "event",
  "state",
  "rank",
  "attempt",
  "progress",
  "result",
  "error",
  "worker",
  "queuedAt",
  "startedAt",
  "endedAt",
  "erred",
] as const;

/**
 * Arguments: key, job, key, job, … The rule is `mergeEntry`. Reads at once, merges in memory and writes each job once: 500 entries hold
 * Redis for some ms.
 */
export const record = `
local prefix, call, decode = KEYS[1], redis.call, cjson.decode
local ID, USER, POOL, EVENT, STATE, RANK, ATTEMPT, PROGRESS, RESULT, ERROR, WORKER, QUEUED, STARTED, ENDED, ERRED =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
local LIST = {queued='waiting:', retrying='waiting:', running='running:', done='finished:', failed='finished:', cancelled='finished:'}
local END = 1000000000
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local names = {}
for i = 1, #ARGV, 2 do names[#names + 1] = prefix .. 'job:' .. ARGV[i] end
local found = call('MGET', unpack(names))

local function fill(into, from, field) if into[field] == '' then into[field] = from[field] end end
local function merge(held, new)
  local rank, heldRank = tonumber(new[RANK]), tonumber(held[RANK])
  local winner, other = held, new
  if rank >= heldRank then winner, other = new, held end
  local err, erred = held[ERROR], held[ERRED]
  if new[ERROR] ~= '' and rank >= tonumber(erred) then err, erred = new[ERROR], new[RANK] end
  fill(winner, other, QUEUED)
  if winner[ATTEMPT] == other[ATTEMPT] then
    fill(winner, other, PROGRESS) fill(winner, other, WORKER) fill(winner, other, STARTED)
  end
  if rank == heldRank then fill(winner, other, RESULT) fill(winner, other, ENDED) end
  if winner[STATE] == 'done' then err, erred = '', '-1' end
  winner[ERROR], winner[ERRED] = err, erred
  return winner
end

local jobs, texts, adds, removes, cards, pools = {}, {}, {}, {}, {}, {}
local function list(job) return LIST[job[STATE]] .. job[POOL] end
local function card(name)
  if not cards[name] then cards[name] = call('ZCARD', prefix .. 'list:' .. name) end
  return cards[name]
end
local function put(name, key, score)
  if not adds[name] then adds[name] = {} end
  adds[name][key] = score
end
local function take(name, key)
  if adds[name] then adds[name][key] = nil end
  if not removes[name] then removes[name] = {} end
  table.insert(removes[name], key)
end

for i = 1, #ARGV, 2 do
  local key, text = ARGV[i], ARGV[i + 1]
  local new = decode(text)
  local held = jobs[key]
  if not held then
    local raw = found[(i + 1) / 2]
    held = raw and decode(raw)
  end
  pools[new[POOL]] = true
  local before = held and list(held)
  local job = held and merge(held, new) or new
  local rank = tonumber(job[RANK])
  local after = list(job)
  if before or rank >= END or card(after) < ${LEDGER_LIMITS.open} then
    jobs[key], texts[key] = job, not held and text or false
    if before ~= after then
      if before then take(before, key) end
      if rank < END then cards[after] = card(after) + 1 end
    end
    if before ~= after or job == new then
      local at = rank >= END and job[ENDED] or job[STATE] == 'running' and job[STARTED] or job[QUEUED]
      if at ~= '' or before ~= after then put(after, key, at ~= '' and at or now) end
    end
  end
end

for key, job in pairs(jobs) do
  local ttl = tonumber(job[RANK]) >= END and ${LEDGER_LIMITS.finishedMs} or ${LEDGER_LIMITS.openMs}
  call('SET', prefix .. 'job:' .. key, texts[key] or cjson.encode(job), 'PX', ttl)
end
for name, keys in pairs(removes) do call('ZREM', prefix .. 'list:' .. name, unpack(keys)) end
for name, scores in pairs(adds) do
  local flat, n = {}, 0
  for key, score in pairs(scores) do
    flat[n + 1], flat[n + 2] = score, key
    n = n + 2
  end
  if n > 0 then call('ZADD', prefix .. 'list:' .. name, unpack(flat)) end
end
for pool in pairs(pools) do
  call('ZREMRANGEBYSCORE', prefix .. 'list:waiting:' .. pool, '-inf', now - ${LEDGER_LIMITS.openMs})
  call('ZREMRANGEBYSCORE', prefix .. 'list:running:' .. pool, '-inf', now - ${LEDGER_LIMITS.openMs})
  local finished = prefix .. 'list:finished:' .. pool
  call('ZREMRANGEBYSCORE', finished, '-inf', now - ${LEDGER_LIMITS.finishedMs})
  local over = call('ZCARD', finished) - ${LEDGER_LIMITS.finished}
  if over > 0 then
    for _, key in ipairs(call('ZRANGE', finished, 0, over - 1)) do call('UNLINK', prefix .. 'job:' .. key) end
    call('ZREMRANGEBYRANK', finished, 0, over - 1)
  end
end
return 1
`;

/** pool, limit → how many wait, and three lists of jobs. Forgets keys whose job has expired. */
export const overview = `
local prefix, pool, limit, call = KEYS[1], ARGV[1], tonumber(ARGV[2]), redis.call
local function jobs(list, command)
  local found, name = {}, prefix .. 'list:' .. list .. ':' .. pool
  if limit < 1 then return found end
  for _, key in ipairs(call(command, name, 0, limit - 1)) do
    local job = call('GET', prefix .. 'job:' .. key)
    if job then found[#found + 1] = job else call('ZREM', name, key) end
  end
  return found
end
local queued, running, finished = jobs('waiting', 'ZRANGE'), jobs('running', 'ZRANGE'), jobs('finished', 'ZREVRANGE')
return {call('ZCARD', prefix .. 'list:waiting:' .. pool), queued, running, finished}
`;
