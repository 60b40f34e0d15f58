-- Health of a RealtimeCluster for Argo CD: what its own conditions say, once they speak of this generation.
local health = { status = "Progressing", message = "the operator has not looked at it yet" }

if obj.metadata.deletionTimestamp ~= nil then
  health.message = "it is being deleted"
  return health
end
if obj.status == nil or obj.status.conditions == nil then
  return health
end
if obj.status.observedGeneration ~= obj.metadata.generation then
  health.message = "the operator has not looked at the latest change yet"
  return health
end

local conditions = {}
for _, condition in ipairs(obj.status.conditions) do
  conditions[condition.type] = condition
end
local function is_true(name)
  return conditions[name] ~= nil and conditions[name].status == "True"
end
local function say(status, name)
  health.status = status
  health.message = conditions[name].reason .. ": " .. conditions[name].message
  return health
end

-- Degraded ends a sync as failed: it is for what nobody but the user can mend.
if is_true("Stalled") then
  return say("Degraded", "Stalled")
end
if is_true("Paused") then
  return say("Suspended", "Paused")
end
if is_true("Ready") then
  return say("Healthy", "Ready")
end
if conditions["Ready"] ~= nil then
  return say("Progressing", "Ready")
end
return health
