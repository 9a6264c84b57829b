#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

namespace crowd {

enum class Kind { take, pay, cancel };
std::string_view to_string(Kind kind);

/// One HTTP exchange as the audit reads it.
struct LoggedExchange {
    std::int64_t sent_us = 0;
    std::int64_t answered_us = 0;  ///< 0: no answer
    Kind kind = Kind::take;
    std::string_view customer_id{};
    std::string_view key{};  ///< empty: the request had none
    std::int64_t quantity = 0;
    std::string_view order_id{};  ///< empty: none
    int status = 0;               ///< 0: no answer
    std::string_view code{};      ///< empty: none
    std::optional<std::int64_t> seq{};
    std::optional<std::int64_t> pos{};
    std::optional<std::int64_t> remaining{};
    std::optional<std::int64_t> unit_price_cents{};
};

/// The tab-separated record of everything the crowd sent and was told. Buffered; what is still in
/// the buffer is lost only if the process is killed.
class ExchangeLog {
  public:
    /// Throws std::runtime_error if the file can't be written.
    ExchangeLog(const std::string& path, std::string sale_id);

    void add(const LoggedExchange& exchange);
    /// Throws std::runtime_error if the file could not take everything.
    void flush();

    static std::string_view header();
    static void append(std::string& out, std::string_view sale_id, const LoggedExchange& exchange);

  private:
    std::string path_;
    std::string sale_id_;
    std::ofstream file_;
    std::string buffer_;
};

}  // namespace crowd
