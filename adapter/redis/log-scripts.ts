/**
 * The Log is the stream KEYS[1] with ids `<index>-1`, each entry with `e`, its epoch, `t`, the bytes appended up to it, and `d`, what it says;
 * and the hash KEYS[2]: epoch, last (index), total (bytes), low (`t` before the first entry, or less), began (the index behind which the epoch is).
 * ARGV[1] is a candidate for the epoch.
 */
const meta = `
local stream, meta, call = KEYS[1], KEYS[2], redis.call
local found = call('HMGET', meta, 'epoch', 'last', 'total', 'low', 'began')
local epoch, last, total, low = found[1], tonumber(found[2] or 0), tonumber(found[3] or 0), tonumber(found[4] or 0)
local began = tonumber(found[5] or 0)
local function int(number) return string.format('%.0f', number) end
local function save() call('HSET', meta, 'epoch', epoch, 'last', int(last), 'total', int(total), 'low', int(low), 'began', int(began)) end
if not epoch then
  epoch = ARGV[1]
  call('DEL', stream)
  save()
end
local function field(entry, name)
  for at = 1, #entry[2], 2 do if entry[2][at] == name then return entry[2][at + 1] end end
end
local function first() return call('XRANGE', stream, '-', '+', 'COUNT', 1)[1] end
local function floor()
  local entry = first()
  return entry and tonumber(string.match(entry[1], '^%d+')) - 1 or last
end
`;

/** epoch, maxMessages, maxBytes, entries → epoch and index of the last. */
export const append = `${meta}
local maxBytes = tonumber(ARGV[3])
for at = 4, #ARGV do
  last = last + 1
  total = total + #ARGV[at]
  call('XADD', stream, 'MAXLEN', ARGV[2], int(last) .. '-1', 'e', epoch, 't', int(total), 'd', ARGV[at])
end
while total - low > maxBytes do
  local oldest = first()
  local upTo = tonumber(field(oldest, 't'))
  low = upTo - #field(oldest, 'd')
  if total - low <= maxBytes or upTo == total then break end
  call('XTRIM', stream, 'MINID', int(tonumber(string.match(oldest[1], '^%d+')) + 1))
  low = upTo
end
save()
return {epoch, int(last)}
`;

/**
 * epoch, the follower's epoch ('' for none), index (for none: 'oldest' or 'newest'), the entry seen there → epoch, index to go on behind, 1 where
 * that is a cut, last index. A follower that has seen what is not here begins a new epoch, for all: an entry without content says so.
 */
export const enter = `${meta}
local seen, index = ARGV[2], tonumber(ARGV[3])
if seen == '' then return {epoch, int(ARGV[3] == 'oldest' and math.max(floor(), began) or last), 0, int(last)} end
if seen ~= epoch then return {epoch, int(math.max(floor(), began)), 1, int(last)} end
local there = call('XRANGE', stream, int(index) .. '-1', int(index) .. '-1')[1]
if index > last or (there and #ARGV[4] > 0 and field(there, 'd') ~= ARGV[4]) then
  epoch = ARGV[1]
  last = math.max(last, index) + 1
  began = last
  call('XADD', stream, int(last) .. '-1', 'e', epoch, 't', int(total), 'd', '')
  save()
  return {epoch, int(last), 1, int(last)}
end
if index < floor() then return {epoch, int(floor()), 1, int(last)} end
return {epoch, int(index), 0, int(last)}
`;
