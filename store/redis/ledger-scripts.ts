import { LEDGER_LIMITS } from "#crds";

/** Arguments per entry of `record`: key, id, user, pool, event, state, rank, attempt, progress, result, error, worker, queuedAt, startedAt, endedAt; "" is none. */
export const ENTRY_STRIDE = 15;

/**
 * A job is the hash `job:<jobKey>`, listed by `list:<pool>:<waiting|running|finished>`, sorted sets with times as scores.
 * The rule is `mergeEntry`; values that Lua need not know are JSON.
 */
export const record = `
local prefix, call = KEYS[1], redis.call
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local LIST = {queued='waiting', retrying='waiting', running='running', done='finished', failed='finished', cancelled='finished'}
local END = 1000000000
local touched = {}
local function list(pool, state) return prefix .. 'list:' .. LIST[state] .. ':' .. pool end
for i = 1, #ARGV, ${ENTRY_STRIDE} do
  local key, pool, state = ARGV[i], ARGV[i + 3], ARGV[i + 5]
  local rank, attempt = tonumber(ARGV[i + 6]), ARGV[i + 7]
  local progress, result, err, worker = ARGV[i + 8], ARGV[i + 9], ARGV[i + 10], ARGV[i + 11]
  local queuedAt, startedAt, endedAt = ARGV[i + 12], ARGV[i + 13], ARGV[i + 14]
  local job = prefix .. 'job:' .. key
  local held = call('HMGET', job, 'rank', 'attempt', 'pool', 'state', 'erred')
  local heldRank = tonumber(held[1] or -1)
  local erred = tonumber(held[5] or -1)
  local target = list(pool, state)
  touched[pool] = true
  if heldRank <= rank then
    local moved = heldRank < 0 or list(held[3], held[4]) ~= target
    if heldRank >= 0 or rank >= END or call('ZCARD', target) < ${LEDGER_LIMITS.open} then
      if heldRank >= 0 then
        if moved then call('ZREM', list(held[3], held[4]), key) end
        if held[2] ~= attempt then call('HDEL', job, 'progress', 'worker', 'startedAt') end
        if heldRank ~= rank then call('HDEL', job, 'result', 'endedAt') end
      end
      local set = {'id', ARGV[i + 1], 'pool', pool, 'event', ARGV[i + 4], 'state', state, 'rank', rank, 'attempt', attempt}
      local n = 12
      local function put(field, value) if value ~= '' then set[n + 1] = field; set[n + 2] = value; n = n + 2 end end
      put('user', ARGV[i + 2]) put('progress', progress) put('result', result) put('worker', worker)
      put('queuedAt', queuedAt) put('startedAt', startedAt) put('endedAt', endedAt)
      if state == 'done' then
        if erred >= 0 then call('HDEL', job, 'error', 'erred') end
      elseif err ~= '' and rank >= erred then
        put('error', err) put('erred', rank)
      end
      call('HSET', job, unpack(set))
      local by = rank >= END and 'endedAt' or state == 'running' and 'startedAt' or 'queuedAt'
      local score = rank >= END and endedAt or state == 'running' and startedAt or queuedAt
      if score == '' and moved then score = call('HGET', job, by) or now end
      if score ~= '' then call('ZADD', target, score, key) end
      call('PEXPIRE', job, rank >= END and ${LEDGER_LIMITS.finishedMs} or ${LEDGER_LIMITS.openMs})
    end
  else
    if queuedAt ~= '' then call('HSETNX', job, 'queuedAt', queuedAt) end
    if held[2] == attempt then
      if progress ~= '' then call('HSETNX', job, 'progress', progress) end
      if worker ~= '' then call('HSETNX', job, 'worker', worker) end
      if startedAt ~= '' then call('HSETNX', job, 'startedAt', startedAt) end
    end
    if err ~= '' and held[4] ~= 'done' and rank >= erred then call('HSET', job, 'error', err, 'erred', rank) end
  end
end
for pool in pairs(touched) do
  call('ZREMRANGEBYSCORE', list(pool, 'queued'), '-inf', now - ${LEDGER_LIMITS.openMs})
  call('ZREMRANGEBYSCORE', list(pool, 'running'), '-inf', now - ${LEDGER_LIMITS.openMs})
  local finished = list(pool, 'done')
  call('ZREMRANGEBYSCORE', finished, '-inf', now - ${LEDGER_LIMITS.finishedMs})
  local over = call('ZCARD', finished) - ${LEDGER_LIMITS.finished}
  if over > 0 then
    for _, key in ipairs(call('ZRANGE', finished, 0, over - 1)) do call('UNLINK', prefix .. 'job:' .. key) end
    call('ZREMRANGEBYRANK', finished, 0, over - 1)
  end
end
return 1
`;

/** Gives how many wait and three lists of jobs as flat hashes; forgets keys whose job has expired. */
export const overview = `
local prefix, pool, limit, call = KEYS[1], ARGV[1], tonumber(ARGV[2]), redis.call
local function jobs(list, command)
  local found, name = {}, prefix .. 'list:' .. list .. ':' .. pool
  if limit < 1 then return found end
  for _, key in ipairs(call(command, name, 0, limit - 1)) do
    local job = call('HGETALL', prefix .. 'job:' .. key)
    if #job == 0 then call('ZREM', name, key) else found[#found + 1] = job end
  end
  return found
end
local queued, running, finished = jobs('waiting', 'ZRANGE'), jobs('running', 'ZRANGE'), jobs('finished', 'ZREVRANGE')
return {call('ZCARD', prefix .. 'list:waiting:' .. pool), queued, running, finished}
`;
