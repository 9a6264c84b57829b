#include "cli/connect.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "cli/command.hpp"
#include "net/backoff.hpp"
#include "net/event.hpp"

namespace cli {
namespace {

constexpr std::chrono::milliseconds first_wait{100};
constexpr std::chrono::milliseconds longest_wait{2000};
constexpr std::chrono::milliseconds one_try{5000};

/// Wrong credentials or names don't get better by waiting. libpq gives no code for a refused
/// connection, only its text; in another language we wait in vain and then say why.
bool is_final(std::string_view why) {
    return why.find("authentication failed") != std::string_view::npos ||
           why.find("does not exist") != std::string_view::npos;
}

}  // namespace

net::awaitable<std::shared_ptr<postgres::Connection>> connect_patiently(
    postgres::Pool& pool, net::Deadline deadline
) {
    net::Backoff backoff(first_wait, longest_wait, 1);
    while (true) {
        std::string why;
        bool final = false;
        try {
            const auto connection = co_await pool.acquire(net::deadline_in(one_try));
            co_return connection;
        } catch (const postgres::Error& error) {
            why = error.what();
            final = is_final(why);
        }
        const auto wait = backoff.next();
        if (final || net::SteadyClock::now() + wait >= deadline) {
            throw Failure(fmt::format(
                "can't connect to the database: {}; check DATABASE_ADMIN_URL and that the server "
                "is up",
                why
            ));
        }
        co_await net::sleep_for(wait);
    }
}

}  // namespace cli
