#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "redis/client.hpp"
#include "redis/connection.hpp"

namespace redis {

/// Finds the current master by Redis' "Guidelines for Redis clients with support for Sentinel",
/// with two additions: where sentinels disagree the address that more of them name is tried first,
/// and an address that doesn't work only costs the way to the next sentinel, not a new round.
/// Keeps one connection per sentinel while it answers. Used by one coroutine at a time.
class Discovery {
  public:
    Discovery(net::Executor executor, const Settings& settings);

    /// An authenticated connection to a server that calls itself master. Throws Error.
    net::awaitable<std::shared_ptr<Connection>> connect_to_master();

    /// Asks whether `current` is still what sentinels name. If more of them name another address,
    /// and a master works there, a connection to it; otherwise nullptr. Never throws Error.
    net::awaitable<std::shared_ptr<Connection>> find_successor(Address current);

    /// Closes the connections to the sentinels.
    void close();

  private:
    struct Sentinel {
        Address address;
        std::shared_ptr<Connection> connection;
    };
    struct Candidate {
        Address address;
        std::shared_ptr<Sentinel> named_by;
        std::size_t votes = 0;
        bool tried = false;
    };

    net::awaitable<std::optional<Address>> ask(std::shared_ptr<Sentinel> sentinel);
    net::awaitable<void> connect_sentinel(std::shared_ptr<Sentinel> sentinel, net::Deadline until);
    net::awaitable<std::shared_ptr<Connection>> try_master(Address address);
    net::awaitable<std::shared_ptr<Connection>> try_candidate(Candidate& candidate);
    static Candidate& vote(
        std::vector<Candidate>& candidates,
        const Address& address,
        const std::shared_ptr<Sentinel>& sentinel
    );
    void ask_first_next_time(const std::shared_ptr<Sentinel>& sentinel);

    net::Executor executor_;
    Settings settings_;
    std::vector<std::shared_ptr<Sentinel>> sentinels_;  ///< in the order in which they are asked
    std::string failure_;                               ///< what went wrong last, for the log
};

}  // namespace redis
