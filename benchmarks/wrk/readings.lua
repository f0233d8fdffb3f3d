-- Load for a running service, by wrk: each request asks for the figures of the factory over another window of whole
-- minutes within the last day, so that no answer can be kept. Run it as events.lua, with a key of the scope read.
local threads = {}

function setup(thread) table.insert(threads, thread) end

function init()
  asked = 0
  answers = {}
end

local function instant(minutes) return os.date("!%Y-%m-%dT%H:%M:00Z", os.time() - 60 * minutes) end

function request()
  asked = asked + 1
  local path = "/api/v1/metrics/factory?from=" .. instant(720 + asked % 720) .. "&to=" .. instant(asked % 719)
  return wrk.format("GET", path, {["X-API-Key"] = os.getenv("FACTORY_API_KEY")})
end

function response(status)
  answers[tostring(status)] = (answers[tostring(status)] or 0) + 1
end

function done()
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("answers")) do print(string.format("answers of %s: %d", status, count)) end
  end
end
