-- wrk: send one request over and over and look at every answer.
--     wrk -s check.lua URL -- EXPECTED PATTERN|EXACT METHOD [BODY]
-- EXPECTED and BODY are files. Prints one line of JSON.

local threads = {}

function setup(thread)
   table.insert(threads, thread)
end

local function content(path)
   local file = assert(io.open(path, "rb"))
   local text = file:read("*a")
   file:close()
   return text
end

function init(args)
   wrong = 0
   expected = content(args[1])
   exact = args[2] == "EXACT"
   wrk.method = args[3]
   if args[4] then wrk.body = content(args[4]) end
end

function response(status, headers, body)
   local right = status == 200
   if right then
      if exact then right = body == expected else right = body:find(expected) ~= nil end
   end
   if not right then
      wrong = wrong + 1
      if wrong == 1 then sample = status .. " " .. body:sub(1, 200) end
   end
end

function done(summary, latency, requests)
   local wrong, sample = 0, ""
   for _, thread in ipairs(threads) do
      wrong = wrong + thread:get("wrong")
      sample = thread:get("sample") or sample
   end
   local errors = summary.errors
   local lost = errors.connect + errors.read + errors.write + errors.timeout
   if sample ~= "" then io.stderr:write(sample, "\n") end
   print(string.format(
      '{"requests": %d, "seconds": %.6f, "wrong": %d, "lost": %d, "p50": %.3f, "p99": %.3f}',
      summary.requests, summary.duration / 1e6, wrong, lost,
      latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
