#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "http/message.hpp"
#include "metrics/metrics.hpp"
#include "net/net.hpp"

namespace http {

enum class AccessLogMode {
    off,
    errors,   ///< answers of 500 and more, unless the caller itself gave too little time for one
    sampled,  ///< those, and one in AccessLogSettings::sample_every of all others
    on
};

struct AccessLogSettings {
    AccessLogMode mode = AccessLogMode::errors;
    std::int64_t sample_every = 100;
    /// Of errors and sampled, at least 1: callers can bring about errors as fast as they ask. At
    /// most those of one second at once; more are dropped.
    std::int64_t lines_per_s_max = 200;
};

/// One JSON object a line for each request answered: time, service, method, route pattern, status,
/// bytes, duration, request and trace id, client, and, where known, account, upstream and retries.
/// Never a path, a query, a header or a body: those may hold secrets.
///
/// Lines are gathered (about a microsecond each) and written every 100 ms or 32 KiB. A reader that
/// doesn't keep up costs lines, which are counted, never time: the descriptor is written to only
/// when the kernel says that it takes more. So do lines beyond lines_per_s_max. Owned by one loop.
class AccessLog {
  public:
    /// `descriptor`: not closed. `metrics` gets doorbuster_access_log_lines_total by outcome.
    AccessLog(
        net::Executor executor,
        std::string service,
        AccessLogSettings settings,
        metrics::Registry& metrics,
        int descriptor
    );
    ~AccessLog();
    AccessLog(const AccessLog&) = delete;
    AccessLog& operator=(const AccessLog&) = delete;

    void add(const Request& request, int status, std::size_t body_bytes, std::int64_t duration_us);

    /// Writes what the descriptor takes now.
    void flush();

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace http
