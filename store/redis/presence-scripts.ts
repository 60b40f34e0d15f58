/**
 * Keys: `nodes` (set), `node:<node>` (hash: socket → user), `socket:<node> NUL <socket>` (set of channels), `user:<user>` (set of
 * `<node> NUL <socket>`), `channel:<channel>` (hash: user → connections), `channels` (hash: channel → connections). A node's name has
 * no NUL. Nothing is left of a connection that is gone.
 */
const shared = `
local prefix, call = KEYS[1], redis.call
local function enter(node, socket, user, channel)
  if call('SADD', prefix .. 'socket:' .. node .. '\\0' .. socket, channel) == 0 then return 0, 0 end
  local ofUser = call('HINCRBY', prefix .. 'channel:' .. channel, user, 1)
  local ofChannel = call('HINCRBY', prefix .. 'channels', channel, 1)
  return ofUser == 1 and 1 or 0, ofChannel == 1 and 1 or 0
end
local function depart(user, channel)
  local lastOfUser, lastOfChannel = 0, 0
  if call('HINCRBY', prefix .. 'channel:' .. channel, user, -1) < 1 then
    call('HDEL', prefix .. 'channel:' .. channel, user)
    lastOfUser = 1
  end
  if call('HINCRBY', prefix .. 'channels', channel, -1) < 1 then
    call('HDEL', prefix .. 'channels', channel)
    lastOfChannel = 1
  end
  return lastOfUser, lastOfChannel
end
local function remove(node, socket, user, left)
  local id = node .. '\\0' .. socket
  for _, channel in ipairs(call('SMEMBERS', prefix .. 'socket:' .. id)) do
    local lastOfUser, lastOfChannel = depart(user, channel)
    if lastOfUser == 1 then left[#left + 1] = {channel, user, lastOfChannel} end
  end
  call('UNLINK', prefix .. 'socket:' .. id)
  call('SREM', prefix .. 'user:' .. user, id)
  call('HDEL', prefix .. 'node:' .. node, socket)
  if call('EXISTS', prefix .. 'node:' .. node) == 0 then call('SREM', prefix .. 'nodes', node) end
end
`;

/** node, socket, user, limit → admitted, connections. */
export const connect = `${shared}
local node, socket, user, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local id, set = node .. '\\0' .. socket, prefix .. 'user:' .. ARGV[3]
local connections = call('SCARD', set)
if call('SISMEMBER', set, id) == 1 then return {1, connections} end
if connections >= limit then return {0, connections} end
local before = call('HGET', prefix .. 'node:' .. node, socket)
if before then remove(node, socket, before, {}) end
call('SADD', set, id)
call('HSET', prefix .. 'node:' .. node, socket, user)
call('SADD', prefix .. 'nodes', node)
return {1, connections + 1}
`;

/** node, socket → connections, left. */
export const disconnect = `${shared}
local node, socket, left = ARGV[1], ARGV[2], {}
local user = call('HGET', prefix .. 'node:' .. node, socket)
if not user then return {0, left} end
remove(node, socket, user, left)
return {call('SCARD', prefix .. 'user:' .. user), left}
`;

/** node, socket, user, channel → firstOfUser, firstOfChannel. */
export const enter = `${shared}
local node, socket, user, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if call('HGET', prefix .. 'node:' .. node, socket) ~= user then return {0, 0} end
return {enter(node, socket, user, channel)}
`;

/** node, socket, user, channel → lastOfUser, lastOfChannel. */
export const leave = `${shared}
local node, socket, user, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if call('HGET', prefix .. 'node:' .. node, socket) ~= user then return {0, 0} end
if call('SREM', prefix .. 'socket:' .. node .. '\\0' .. socket, channel) == 0 then return {0, 0} end
return {depart(user, channel)}
`;

/** node, sockets… → their channels. */
export const channelsOf = `
local found = {}
for i = 2, #ARGV do found[i - 1] = redis.call('SMEMBERS', KEYS[1] .. 'socket:' .. ARGV[1] .. '\\0' .. ARGV[i]) end
return found
`;

/**
 * node, token, how many → sockets, left, whether there are more. The first call claims the node for 10 s, so that a second caller gets
 * nothing, and one that dies midway leaves the rest to another. The node is told by `evicted:<node>`, should it be alive.
 */
export const evict = `${shared}
local node, token, max = ARGV[1], ARGV[2], tonumber(ARGV[3])
local held, lock = prefix .. 'node:' .. node, prefix .. 'evicting:' .. node
if call('EXISTS', held) == 0 then
  if call('GET', lock) == token then call('DEL', lock) end
  return {{}, {}, 0}
end
if not call('SET', lock, token, 'NX', 'PX', 10000) then
  if call('GET', lock) ~= token then return {{}, {}, 0} end
  call('PEXPIRE', lock, 10000)
end
call('SET', prefix .. 'evicted:' .. node, 1, 'EX', 3600)
local taken, left = call('HRANDFIELD', held, max, 'WITHVALUES'), {}
for i = 1, #taken, 2 do remove(node, taken[i], taken[i + 1], left) end
local more = call('EXISTS', held)
if more == 0 then call('DEL', lock) end
return {taken, left, more}
`;
