#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/net.hpp"

namespace password {

/// Argon2id costs. Default: OWASP's m=19 MiB, t=2, p=1.
struct Cost {
    std::uint64_t passes = 2;
    std::size_t memory_bytes = 19456 * 1024;
};

struct Limits {
    std::size_t threads = 1;       ///< hashing slots: each takes memory_bytes while it works
    std::size_t waiting_max = 64;  ///< beyond it callers are told busy at once
};

/// Overwrites a text that held a password, also what its capacity still holds, and empties it.
void wipe(std::string& text);

/// Hashes and checks passwords on a small pool of its own, so that the event loop never stalls.
class Hasher {
  public:
    Hasher(net::Executor executor, Cost cost, Limits limits);
    ~Hasher();
    Hasher(const Hasher&) = delete;
    Hasher& operator=(const Hasher&) = delete;

    /// False if the next caller would be refused.
    bool has_room() const;

    /// The PHC string of a password. Throws base::NeighbourError (Effect::none) if the pool is full
    /// or there is no memory to hash in. Both calls wipe their copy of the password.
    net::awaitable<std::string> hash(std::string password);

    struct Verdict {
        bool matches = false;
        bool needs_rehash = false;  ///< made with lower costs than today's
    };
    /// Takes the same time for a wrong password as for a right one.
    net::awaitable<Verdict> verify(std::string phc, std::string password);

    /// A PHC string that no password matches, at today's cost: verified when the account is
    /// unknown, so that the answer's time does not tell.
    const std::string& decoy() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace password
