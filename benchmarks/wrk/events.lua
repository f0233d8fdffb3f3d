-- Load for a running service, by wrk: every request brings events of 500 workers at 50 workstations, of this second.
--   FACTORY_API_KEY=… wrk --threads 1 --connections 16 --duration 30s --latency --script benchmarks/wrk/events.lua URL
-- EVENTS=1000 sends that many in each request, to /api/v1/events/batch. It prints the answers by their status.
local events = tonumber(os.getenv("EVENTS") or "1")
local threads = {}

function setup(thread)
  table.insert(threads, thread)
  thread:set("number", #threads)
end

function init()
  run = string.format("%d-%d-%d", os.time(), number, math.floor(os.clock() * 1e6))
  sent = 0
  answers = {}
end

local function event()
  sent = sent + 1
  return string.format(
    '{"timestamp":"%s","worker_id":"L%d","workstation_id":"L%d","event_type":"working","event_id":"%s-%d"}',
    os.date("!%Y-%m-%dT%H:%M:%SZ"), sent % 500, sent % 50, run, sent)
end

function request()
  local headers = {["Content-Type"] = "application/json", ["X-API-Key"] = os.getenv("FACTORY_API_KEY")}
  if events == 1 then return wrk.format("POST", "/api/v1/events/", headers, event()) end
  local batch = {}
  for i = 1, events do batch[i] = event() end
  return wrk.format("POST", "/api/v1/events/batch", headers, "[" .. table.concat(batch, ",") .. "]")
end

function response(status)
  answers[tostring(status)] = (answers[tostring(status)] or 0) + 1
end

function done(summary)
  local sums = {}
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("answers")) do sums[status] = (sums[status] or 0) + count end
  end
  for status, count in pairs(sums) do print(string.format("answers of %s: %d", status, count)) end
  print(string.format("events a second: %.0f", summary.requests * events / summary.duration * 1e6))
end
