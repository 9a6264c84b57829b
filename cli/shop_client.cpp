#include "cli/shop_client.hpp"

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "cli/command.hpp"
#include "net/backoff.hpp"
#include "net/event.hpp"

namespace cli {
namespace {

constexpr int tries_max = 6;
constexpr std::chrono::seconds one_try{15};
constexpr std::chrono::milliseconds first_wait{200};
constexpr std::chrono::milliseconds longest_wait{3000};

bool may_pass(int status) {
    return status == 429 || status == 502 || status == 503 || status == 504;
}

http::ClientLimits few_connections() {
    http::ClientLimits limits;
    limits.connections_max = 2;
    return limits;
}

}  // namespace

ShopAccess ShopAccess::read(bool needs_token) {
    base::Environment environment;
    ShopAccess access;
    const auto url = environment.text_or(
        "DOORBUSTER_URL", "http://127.0.0.1:8080", "the shop's gateway, http://host:port"
    );
    const auto origin = http::Origin::parse(url);
    if (origin) {
        access.origin = *origin;
    } else {
        environment.problem(
            "DOORBUSTER_URL", "is not http://host:port", "For example http://127.0.0.1:8080"
        );
    }
    if (needs_token) {
        access.token = environment.optional_secret("DOORBUSTER_TOKEN", "an admin's access token");
        if (access.token.empty()) {
            environment.problem(
                "DOORBUSTER_TOKEN",
                "is missing: an admin's access token",
                "export DOORBUSTER_TOKEN=$(doorbuster admin token --email ADDRESS)"
            );
        }
    }
    require_sound(environment);
    return access;
}

ShopClient::ShopClient(net::Executor executor, ShopAccess access)
    : access_(std::move(access)), client_(executor, access_.origin, few_connections()) {}

net::awaitable<json::Value> ShopClient::get(std::string target) {
    http::OutgoingRequest request;
    request.target = std::move(target);
    return send(std::move(request));
}

net::awaitable<json::Value> ShopClient::post(
    std::string target, std::string body, std::string key
) {
    http::OutgoingRequest request;
    request.method = "POST";
    request.target = std::move(target);
    request.body = std::move(body);
    request.headers.add("Content-Type", "application/json");
    if (!key.empty()) request.headers.add("Idempotency-Key", std::move(key));
    return send(std::move(request));
}

net::awaitable<json::Value> ShopClient::send(http::OutgoingRequest request) {
    request.headers.add("Accept", "application/json");
    if (!access_.token.empty()) request.headers.add("Authorization", "Bearer " + access_.token);
    net::Backoff backoff(first_wait, longest_wait, 1);
    std::string why;
    for (int tries = 0; tries < tries_max; ++tries) {
        if (tries > 0) co_await net::sleep_for(backoff.next());
        http::Response response;
        try {
            response = co_await client_.send(request, net::deadline_in(one_try));
        } catch (const http::TransportError& error) {
            why = error.what();
            continue;
        }
        if (response.status < 200 || response.status > 299) {
            why = describe_refusal(request, response);
            if (may_pass(response.status)) continue;
            throw Failure(why);
        }
        auto value = json::parse(response.body);
        if (!value) {
            throw Failure(fmt::format(
                "{} {}: the answer is not JSON; is DOORBUSTER_URL the shop's gateway?",
                request.method,
                request.target
            ));
        }
        co_return std::move(*value);
    }
    throw Failure(fmt::format("{}; is the shop up at {}?", why, access_.origin.to_string()));
}

std::string describe_refusal(const http::OutgoingRequest& request, const http::Response& response) {
    std::string text = fmt::format("{} {}: {}", request.method, request.target, response.status);
    const auto problem = json::parse(response.body);
    if (problem && problem->is_object()) {
        for (const char* name : {"code", "field", "detail"}) {
            const auto* found = problem->get_object().if_contains(name);
            if (found == nullptr || !found->is_string()) continue;
            text += ' ';
            text += std::string_view(found->get_string());
        }
    }
    if (response.status == 401) {
        text += "; export DOORBUSTER_TOKEN=$(doorbuster admin token --email ADDRESS)";
    }
    return text;
}

const json::Value& member(const json::Value& value, std::string_view name) {
    const auto* found = value.is_object() ? value.get_object().if_contains(name) : nullptr;
    if (found == nullptr) {
        throw Failure(fmt::format("the shop's answer has no {}; is it of this version?", name));
    }
    return *found;
}

std::string text_member(const json::Value& value, std::string_view name) {
    const json::Value& found = member(value, name);
    if (!found.is_string()) throw Failure(fmt::format("{} in the answer is not text", name));
    return std::string(std::string_view(found.get_string()));
}

std::int64_t integer_member(const json::Value& value, std::string_view name) {
    const json::Value& found = member(value, name);
    if (!found.is_int64()) throw Failure(fmt::format("{} in the answer is not a number", name));
    return found.get_int64();
}

}  // namespace cli
