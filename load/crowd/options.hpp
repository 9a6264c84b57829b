#pragma once

#include <cstdint>
#include <expected>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crowd/arrivals.hpp"

namespace crowd {

enum class Arrival {
    closed,  ///< each connection's buyer comes again when the last purchase is decided
    open     ///< buyers come by the clock, however slow the shop is
};

struct QuantityShare {
    std::int64_t quantity = 1;
    std::int64_t weight = 1;
};

struct Range {
    std::int64_t low = 0;
    std::int64_t high = 0;
};

struct Options {
    std::string host = "127.0.0.1";
    std::string port = "8080";
    std::string customers_file;
    std::string sale;           ///< empty: ordinary orders of `products_file`
    std::string products_file;  ///< ids to order, if not from a sale
    int lines = 2;              ///< different products per ordinary order

    int connections = 100;
    Arrival arrival = Arrival::closed;
    double rate = 100;
    Spacing spacing = Spacing::exponential;
    double duration_s = 60;
    bool until_sold_out = false;
    std::string stop_file;
    std::int64_t purchases_per_customer = 1;  ///< 0: no bound
    std::vector<QuantityShare> quantities{{1, 1}};
    double duplicates = 0;

    bool retries = false;
    int retry_max = 20;
    std::int64_t retry_wait_max_ms = 2000;
    double give_up_s = 30;
    std::int64_t think_ms = 0;
    double pay = 0;
    double cancel = 0;
    double decline = 0;
    Range pay_delay_ms{0, 0};
    std::int64_t request_timeout_ms = 10000;
    double finish_s = 30;

    std::uint64_t seed = 1;
    std::string log_file;
    std::string report_file;
    bool progress = false;
};

/// Limits that no option can exceed.
inline constexpr int connections_max = 20000;
inline constexpr int lines_max = 100;  // as the shop takes them
inline constexpr double rate_max = 200000;
inline constexpr double duration_s_max = 24 * 3600;
inline constexpr std::size_t arrivals_waiting_max = 500000;

/// "2" or "1:80,2:20".
std::expected<std::vector<QuantityShare>, std::string> parse_quantities(std::string_view text);
/// "250" or "0:4000".
std::expected<Range, std::string> parse_range(std::string_view text);

/// The options of a command line, or nothing and the exit code, with help or the fault already
/// written to `out` or `errors`.
struct Invocation {
    std::optional<Options> options;
    int exit_code = 0;
};
Invocation read_options(int argc, const char* const* argv, std::ostream& out, std::ostream& errors);

}  // namespace crowd
