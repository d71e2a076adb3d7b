-- What wrk sends: durable messages to 1,000 users, each with a key of its own. Arguments: a token, and how many requests a second all threads and
-- connections together make at most (0: as many as are answered), and the number of connections.
local threads = 0
function setup(thread)
    thread:set("id", threads)
    threads = threads + 1
end

function init(arguments)
    math.randomseed(os.time() * 8 + id)
    run = math.random(1000000000)
    count = 0
    rate, connections = tonumber(arguments[2]) or 0, tonumber(arguments[3]) or 1
    -- Even a pause of nothing takes a timer.
    if rate == 0 then delay = nil end
    wrk.headers["Content-Type"] = "application/json"
    wrk.headers["Authorization"] = "Bearer " .. arguments[1]
end

-- Milliseconds until a connection's next request: spread, so that all of them don't come at once.
function delay()
    return math.floor(math.random() * 2000 * connections / rate + 0.5)
end

function request()
    count = count + 1
    wrk.headers["Idempotency-Key"] = '"' .. run .. "-" .. id .. "-" .. count .. '"'
    local body = '{"to":"user' .. math.random(1000) .. '","kind":"card","text":"order ' .. count .. ' has left the warehouse and comes tomorrow","tag":"order"}'
    return wrk.format("POST", "/v1/messages", nil, body)
end

function response(status, headers, body)
    if status ~= 200 then
        if not failed then print("FAILED " .. status .. " " .. body) end
        failed = true
    end
end
