#include <algorithm>

#include "base/environment.hpp"
#include "redis/client.hpp"

namespace redis {
namespace {

std::vector<Address> read_sentinels(base::Environment& environment) {
    const char* const name = "REDIS_SENTINELS";
    const std::string text =
        environment.text(name, "the sentinels as host:port, separated by commas");
    std::vector<Address> addresses;
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = std::min(text.find(',', begin), text.size());
        const std::string part = text.substr(begin, end - begin);
        begin = end + 1;
        const auto address = Address::parse(part);
        if (address) {
            addresses.push_back(*address);
        } else {
            environment.problem(
                name, "has \"" + part + "\"", "Write host:port,host:port,host:port"
            );
        }
    }
    return addresses;
}

std::string read_password(
    base::Environment& environment,
    const std::string& name,
    const std::string& meaning,
    Settings::PoorPasswords poor
) {
    return poor == Settings::PoorPasswords::refused ? environment.optional_secret(name, meaning)
                                                    : environment.text_or(name, "", meaning);
}

}  // namespace

Settings Settings::read(base::Environment& environment, PoorPasswords poor) {
    Settings settings;
    settings.sentinels = read_sentinels(environment);
    settings.master_name = environment.text_or(
        "REDIS_MASTER_NAME", settings.master_name, "the master's name at the sentinels"
    );
    const std::string fallback = environment.text_or(
        "REDIS_FALLBACK", "", "host:port asked for the master when no sentinel answers"
    );
    if (!fallback.empty()) {
        settings.fallback = Address::parse(fallback);
        if (!settings.fallback) {
            environment.problem("REDIS_FALLBACK", "is \"" + fallback + "\"", "Write host:port");
        }
    }
    settings.password = read_password(environment, "REDIS_PASSWORD", "of Redis", poor);
    settings.sentinel_password =
        read_password(environment, "REDIS_SENTINEL_PASSWORD", "of the sentinels", poor);
    return settings;
}

}  // namespace redis
