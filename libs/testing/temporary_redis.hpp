#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "redis/client.hpp"

namespace testing {

/// A private Redis master with replicas and sentinels (down-after 1000 ms, quorum 2) on free
/// loopback ports, gone with this object.
class TemporaryRedis {
  public:
    explicit TemporaryRedis(int replicas = 0, int sentinels = 0);
    ~TemporaryRedis();
    TemporaryRedis(const TemporaryRedis&) = delete;
    TemporaryRedis& operator=(const TemporaryRedis&) = delete;

    /// Node 0 is the first master.
    redis::Address node(int index) const;
    redis::Address sentinel(int index) const;
    redis::Settings settings() const;

    void kill_node(int index);   ///< SIGKILL
    void start_node(int index);  ///< as configured at first (node 0 as a master)
    void pause_node(int index);  ///< SIGSTOP
    void resume_node(int index);
    void kill_sentinel(int index);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace testing
