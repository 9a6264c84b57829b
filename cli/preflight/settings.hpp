#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.hpp"
#include "cli/preflight/database_judgement.hpp"
#include "cli/preflight/guessable.hpp"
#include "http/client.hpp"
#include "redis/client.hpp"

namespace cli::preflight {

struct Options {
    std::string migrations;  ///< empty: the versions this program was built with
    std::string pods = "order=2";
    std::int64_t health_port = 9080;
    std::string connections;              ///< as default_room_pools(), but for those named here
    std::int64_t connections_needed = 0;  ///< 0: computed from the pods and their pools
    std::int64_t replicas = 2;
    std::int64_t disk_free_mib = 1024;
    std::int64_t timeout_s = 60;
    bool skip_smoke = false;
    bool json = false;
};

/// Where pods of a room answer /readyz. A name stands for all its addresses.
struct RoomAddress {
    std::string room;
    http::Origin health;
};

/// All that preflight is told by its environment and its options.
struct Settings {
    Options options;
    std::string database_url;
    redis::Settings redis;
    http::Origin gateway;
    std::string signing_key;  ///< PEM; empty: not given
    std::vector<RoomAddress> rooms;
    std::map<std::string, int> pods_wanted;
    std::vector<RoomPool> room_pools;
    std::vector<GivenSecret> secrets;

    /// Problems are collected in `environment`. Throws UsageError for options that can't be.
    static Settings read(base::Environment& environment, Options options);
};

/// "order=2,gateway=2". Throws UsageError.
std::map<std::string, int> parse_pods(const std::string& text);

/// "order=6,order-sale=16", by application_name; the others keep their defaults. Throws UsageError.
std::vector<RoomPool> parse_connections(const std::string& text);

/// What stands between user and host of a URL after the colon, percent-decoded; empty if nothing.
std::string password_of(const std::string& url);

}  // namespace cli::preflight
