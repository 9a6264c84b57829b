#include "cli/preflight/settings.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "cli/command.hpp"

namespace cli::preflight {
namespace {

constexpr int count_max = 1000;

/// The parts of a comma-separated list.
std::vector<std::string> parts_of(const std::string& text) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = std::min(text.find(',', begin), text.size());
        parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

void read_rooms(base::Environment& environment, Settings& settings) {
    const std::string pods = environment.text_or(
        "ROOM_PODS", "", "room=host:health_port,...; a name stands for all its addresses"
    );
    for (const std::string& part : parts_of(pods)) {
        const auto equals = part.find('=');
        const auto origin = equals == std::string::npos
                                ? std::nullopt
                                : http::Origin::parse(part.substr(equals + 1));
        if (origin && equals > 0) {
            settings.rooms.push_back({part.substr(0, equals), *origin});
        } else {
            environment.problem("ROOM_PODS", "has \"" + part + "\"", "Write room=host:health_port");
        }
    }
    const std::string orders =
        environment.text_or("ORDER_ORIGINS", "", "order's pods, as the gateway has them");
    if (!settings.rooms.empty()) return;
    for (const std::string& part : parts_of(orders)) {
        auto origin = http::Origin::parse(part);
        if (!origin) {
            environment.problem("ORDER_ORIGINS", "has \"" + part + "\"", "Write host:port");
            continue;
        }
        origin->port = static_cast<std::uint16_t>(settings.options.health_port);
        settings.rooms.push_back({"order", *origin});
    }
}

void read_secrets(base::Environment& environment, Settings& settings) {
    const auto keep = [&](const std::string& name, std::string value) {
        if (!value.empty()) settings.secrets.push_back({name, std::move(value)});
    };
    keep("DATABASE_ADMIN_URL's password", password_of(settings.database_url));
    keep("REDIS_PASSWORD", settings.redis.password);
    keep("REDIS_SENTINEL_PASSWORD", settings.redis.sentinel_password);
    for (const char* name :
         {"ADMIN_PASSWORD",
          "AUTH_DATABASE_PASSWORD",
          "PRODUCT_DATABASE_PASSWORD",
          "ORDERS_DATABASE_PASSWORD",
          "PAYMENT_DATABASE_PASSWORD",
          "AUDITOR_DATABASE_PASSWORD",
          "SERVICE_SECRET",
          "WEBHOOK_SECRET"}) {
        keep(name, environment.text_or(name, "", "looked at if given"));
    }
    const auto audit = environment.text_or("AUDIT_DATABASE_URL", "", "looked at if given");
    keep("AUDIT_DATABASE_URL's password", password_of(audit));
}

/// name=number,...; `example` of what `option` should be.
std::map<std::string, int> parse_counts(
    const std::string& text, std::string_view option, std::string_view example
) {
    std::map<std::string, int> counts;
    for (const std::string& part : parts_of(text)) {
        const auto equals = part.find('=');
        int count = 0;
        if (equals != std::string::npos) {
            const char* const end = part.data() + part.size();
            const auto [stopped, error] = std::from_chars(part.data() + equals + 1, end, count);
            if (error != std::errc() || stopped != end) count = 0;
        }
        if (equals == 0 || count < 1 || count > count_max) {
            throw UsageError(fmt::format("{} has '{}': write {}", option, part, example));
        }
        counts[part.substr(0, equals)] = count;
    }
    return counts;
}

}  // namespace

std::map<std::string, int> parse_pods(const std::string& text) {
    return parse_counts(text, "--room-pods", "order=2,gateway=2");
}

std::vector<RoomPool> parse_connections(const std::string& text) {
    const char* const option = "--room-connections";
    std::vector<RoomPool> pools = default_room_pools();
    for (const auto& [name, count] : parse_counts(text, option, "order=6,order-sale=16")) {
        const auto pool = std::ranges::find(pools, name, &RoomPool::application_name);
        if (pool == pools.end()) {
            throw UsageError(fmt::format(
                "{} has '{}': there are auth, product, payment, order and order-sale", option, name
            ));
        }
        pool->connections_per_pod = count;
    }
    return pools;
}

std::string password_of(const std::string& url) {
    const auto scheme = url.find("://");
    const auto begin = scheme == std::string::npos ? 0 : scheme + 3;
    const auto at = url.find('@', begin);
    const auto colon = url.find(':', begin);
    if (at == std::string::npos || colon == std::string::npos || colon > at) return {};
    std::string password;
    for (std::size_t index = colon + 1; index < at; ++index) {
        if (url[index] == '%' && index + 2 < at) {
            const auto byte = base::from_hex(url.substr(index + 1, 2));
            if (byte && byte->size() == 1) {
                password += static_cast<char>(byte->front());
                index += 2;
                continue;
            }
        }
        password += url[index];
    }
    return password;
}

Settings Settings::read(base::Environment& environment, Options options) {
    Settings settings;
    settings.options = std::move(options);
    settings.pods_wanted = parse_pods(settings.options.pods);
    settings.room_pools = parse_connections(settings.options.connections);
    settings.database_url =
        environment.text("DATABASE_ADMIN_URL", "postgresql:// address of the database's owner");
    const std::string url = environment.text_or(
        "DOORBUSTER_URL", "http://127.0.0.1:8080", "the shop's gateway, http://host:port"
    );
    const auto origin = http::Origin::parse(url);
    if (origin) {
        settings.gateway = *origin;
    } else {
        environment.problem(
            "DOORBUSTER_URL", "is not http://host:port", "For example http://127.0.0.1:8080"
        );
    }
    const char* const key_meaning = "auth's private key (PEM, P-256)";
    settings.signing_key = settings.options.skip_smoke
                               ? environment.text_or("JWT_SIGNING_KEY", "", key_meaning)
                               : environment.text("JWT_SIGNING_KEY", key_meaning);
    // Not as secrets: a poor one is a finding of its own, not a reason to look at nothing.
    settings.redis = redis::Settings::read(environment, redis::Settings::PoorPasswords::kept);
    read_rooms(environment, settings);
    read_secrets(environment, settings);
    return settings;
}

}  // namespace cli::preflight
