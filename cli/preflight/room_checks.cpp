#include "cli/preflight/room_checks.hpp"

#include <chrono>
#include <set>

#include <fmt/format.h>

#include "cli/preflight/gateway_clock.hpp"
#include "cli/preflight/latency.hpp"
#include "cli/preflight/resolve.hpp"
#include "cli/preflight/room_judgement.hpp"
#include "http/client.hpp"
#include "token/access_token.hpp"

namespace cli::preflight {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds request_time{5000};
constexpr milliseconds ready_time{2000};
constexpr milliseconds clock_time{8000};
constexpr int echoes = 20;
constexpr std::size_t trouble_bytes_max = 120;

constexpr LatencyLimits echo_limits{50, 500, 500, 2000};

constexpr const char* see_gateway =
    "see that the gateway (and the ingress before it) runs and that DOORBUSTER_URL is its address";

http::ClientLimits one_connection() {
    http::ClientLimits limits;
    limits.connections_max = 1;
    return limits;
}

net::awaitable<http::Response> get(
    http::Client& client, std::string target, net::Deadline deadline
) {
    http::OutgoingRequest request;
    request.target = std::move(target);
    request.headers.add("Accept", "application/json");
    http::Response response = co_await client.send_kept(request, deadline);
    co_return response;
}

/// Any answer will do: which room it comes from is looked at after it.
net::awaitable<Judgement> look_at_gateway(http::Client& gateway, net::Deadline deadline) {
    const http::Response answer = co_await get(gateway, "/api/v1/echo", deadline);
    co_return ok(fmt::format("answers at {} ({})", gateway.origin().to_string(), answer.status));
}

net::awaitable<Judgement> look_at_echo(http::Client& gateway, net::Deadline deadline) {
    std::vector<double> times_ms;
    for (int number = 0; number <= echoes; ++number) {
        const auto begin = net::SteadyClock::now();
        const http::Response answer = co_await get(gateway, "/api/v1/echo", deadline);
        const std::chrono::duration<double, std::milli> took = net::SteadyClock::now() - begin;
        if (answer.status != 200) {
            co_return failed(fmt::format("echo answers {}", answer.status), see_gateway);
        }
        // The first one also connects.
        if (number > 0) times_ms.push_back(took.count());
    }
    co_return judge_latency(
        "echoes",
        times_ms,
        echo_limits,
        "the way from here through ingress and gateway is slow: see their CPU and the network"
    );
}

net::awaitable<Judgement> look_at_answer(
    http::Client& gateway, std::string target, std::string room, net::Deadline deadline
) {
    const auto begin = net::SteadyClock::now();
    const http::Response answer = co_await get(gateway, target, deadline);
    const std::chrono::duration<double, std::milli> took = net::SteadyClock::now() - begin;
    const std::string found =
        fmt::format("{} answers {} after {:.1f} ms", target, answer.status, took.count());
    if (answer.status == 200) co_return ok(found);
    co_return failed(found, fmt::format("see the log of {} and of the gateway", room));
}

net::awaitable<Judgement> look_at_jwks(
    http::Client& gateway, std::string key_id, net::Deadline deadline
) {
    const http::Response answer = co_await get(gateway, "/.well-known/jwks.json", deadline);
    if (answer.status != 200) {
        co_return failed(
            fmt::format("answers {}", answer.status), "nobody can sign in: see the log of auth"
        );
    }
    co_return judge_jwks(answer.body, key_id);
}

net::awaitable<Judgement> look_at_clock(http::Origin origin, net::Deadline deadline) {
    const ClockOffset offset = co_await read_gateway_clock(std::move(origin), deadline);
    co_return judge_clock(offset);
}

net::awaitable<PodAnswer> look_at_pod(http::Origin origin, bool is_listed, net::Deadline deadline) {
    const net::Executor executor = co_await net::asio::this_coro::executor;
    PodAnswer pod;
    pod.address = origin.to_string();
    pod.is_listed = is_listed;
    if (net::SteadyClock::now() >= deadline) {
        pod.trouble = "not asked, the time for all pods was over";
        co_return pod;
    }
    http::Client client(executor, origin, one_connection());
    try {
        const http::Response answer = co_await get(client, "/readyz", deadline);
        pod.status = answer.status;
        pod.trouble = answer.body.substr(0, trouble_bytes_max);
    } catch (const http::TransportError& error) {
        pod.trouble = error.what();
        pod.is_hidden = may_be_hidden(error);
    }
    co_return pod;
}

/// `room`: its name; all addresses of it that were given.
net::awaitable<Judgement> look_at_pods(
    const Settings& settings, std::string room, int wanted, net::Deadline deadline
) {
    std::vector<PodAnswer> pods;
    for (const RoomAddress& address : settings.rooms) {
        if (address.room != room) continue;
        const bool is_listed = !is_numeric(address.health.host);
        const auto hosts = co_await resolve(address.health.host, deadline);
        for (const std::string& host : hosts) {
            const http::Origin origin{host, address.health.port};
            const auto until = std::min(deadline, net::deadline_in(ready_time));
            PodAnswer pod = co_await look_at_pod(origin, is_listed, until);
            pods.push_back(std::move(pod));
        }
    }
    co_return judge_pods(pods, wanted);
}

/// The room's pods by their numeric addresses.
net::awaitable<std::vector<http::Origin>> pods_of(
    const Settings& settings, std::string room, net::Deadline deadline
) {
    std::vector<http::Origin> pods;
    for (const RoomAddress& address : settings.rooms) {
        if (address.room != room) continue;
        const auto hosts = co_await resolve(address.health.host, deadline);
        for (const std::string& host : hosts) pods.push_back({host, address.health.port});
    }
    co_return pods;
}

net::awaitable<Judgement> look_at_addresses(const Settings& settings, net::Deadline deadline) {
    const net::Executor executor = co_await net::asio::this_coro::executor;
    const auto pods = co_await pods_of(settings, "gateway", deadline);
    if (pods.empty()) {
        co_return warning(
            "not looked at: ROOM_PODS names no gateway",
            "set ROOM_PODS=gateway=host:health_port,... (and the other rooms that are counted)"
        );
    }
    std::vector<std::string> metrics;
    std::string trouble;
    for (const http::Origin& pod : pods) {
        http::Client client(executor, pod, one_connection());
        try {
            const auto until = std::min(deadline, net::deadline_in(ready_time));
            http::Response answer = co_await get(client, "/metrics", until);
            if (answer.status == 200) metrics.push_back(std::move(answer.body));
        } catch (const http::TransportError& error) {
            trouble = error.what();
        }
    }
    if (metrics.empty()) {
        co_return warning(
            "not looked at: " + trouble.substr(0, trouble_bytes_max),
            "let this command reach the gateway's health port"
        );
    }
    co_return judge_addresses(metrics);
}

net::awaitable<void> check_pods(Checks& checks, const Settings& settings) {
    std::set<std::string> known;
    for (const RoomAddress& address : settings.rooms) known.insert(address.room);
    for (const std::string& room : known) {
        const auto wanted = settings.pods_wanted.find(room);
        const int count = wanted == settings.pods_wanted.end() ? 1 : wanted->second;
        co_await checks.run(
            room + " pods",
            look_at_pods(settings, room, count, checks.deadline_in(request_time)),
            "start them; a name of ROOM_PODS or ORDER_ORIGINS that can't be resolved has no pod "
            "that is ready"
        );
    }
    for (const auto& [room, count] : settings.pods_wanted) {
        if (known.contains(room)) continue;
        checks.add(
            room + " pods",
            warning(
                fmt::format("not counted, {} wanted: ROOM_PODS names none", count),
                fmt::format("set ROOM_PODS={}=host:health_port,...", room)
            )
        );
    }
}

}  // namespace

net::awaitable<void> check_rooms(Checks& checks, const Settings& settings) {
    checks.set_area("Rooms");
    const net::Executor executor = co_await net::asio::this_coro::executor;
    http::Client gateway(executor, settings.gateway, one_connection());
    const auto soon = [&] { return checks.deadline_in(request_time); };
    std::string key_id;
    try {
        key_id = token::SigningKey::from_pem(settings.signing_key).kid();
    } catch (const std::runtime_error&) {
        // The secrets have a row of their own.
    }
    const bool is_there =
        co_await checks.run("gateway", look_at_gateway(gateway, soon()), see_gateway);
    if (is_there) {
        co_await checks.run("echo", look_at_echo(gateway, soon()), see_gateway);
        co_await checks.run("auth", look_at_jwks(gateway, key_id, soon()), see_gateway);
        const std::string products = "/api/v1/products?limit=1";
        co_await checks.run(
            "product", look_at_answer(gateway, products, "product", soon()), see_gateway
        );
        const std::string sales = "/api/v1/flash-sales?limit=1";
        co_await checks.run("order", look_at_answer(gateway, sales, "order", soon()), see_gateway);
        co_await checks.run("clients' addresses", look_at_addresses(settings, soon()), see_gateway);
        co_await checks.run(
            "gateway's clock",
            look_at_clock(settings.gateway, checks.deadline_in(clock_time)),
            see_gateway
        );
    }
    co_await check_pods(checks, settings);
}

}  // namespace cli::preflight
