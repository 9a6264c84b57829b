-- wrk: sends the requests of a file in turn, over and over. A line is method, path and body, with
-- tabs between. Usage: wrk ... -s requests.lua URL -- FILE

local requests = {}
local at = 0

function init(arguments)
    for line in io.lines(arguments[1]) do
        local method, path, body = line:match("^(%u+)\t([^\t]+)\t(.*)$")
        local headers = {}
        for name, value in pairs(wrk.headers) do headers[name] = value end
        if #body > 0 then headers["Content-Type"] = "application/json" else body = nil end
        requests[#requests + 1] = wrk.format(method, path, headers, body)
    end
end

function request()
    at = at % #requests + 1
    return requests[at]
end
