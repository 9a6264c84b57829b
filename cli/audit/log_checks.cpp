#include "cli/audit/log_checks.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include <fmt/format.h>

namespace cli {
namespace {

constexpr std::int16_t state_paid = 2;
constexpr std::int16_t state_cancelled = 3;
constexpr std::int16_t state_refunded = 5;
constexpr std::int16_t sale_draining = 4;

/// A refusal may rest on a state this old; the second half is for the time between the moment that
/// a batch is dated and its commit, and for two readings of the clock.
constexpr std::int64_t state_age_us_max = 1'000'000 + 500'000;
constexpr std::int64_t clock_slack_us = 250'000;

base::Uuid mix(const base::Uuid& customer, const base::Uuid& key) {
    base::Uuid mixed;
    for (std::size_t index = 0; index < mixed.bytes.size(); ++index) {
        mixed.bytes[index] = static_cast<std::uint8_t>(customer.bytes[index] ^ key.bytes[index]);
    }
    return mixed;
}

bool is_shortage(const Exchange& exchange) {
    return exchange.code == "none_left_now" || exchange.code == "not_enough" ||
           exchange.code == "sold_out";
}

}  // namespace

void LogChecks::add(SaleFacts facts) {
    const base::Uuid id = facts.id;
    const auto& kept = sales_.insert_or_assign(id, std::move(facts)).first->second;
    std::vector<std::uint32_t>& ids = by_id_[id];
    ids.resize(kept.orders.size());
    std::iota(ids.begin(), ids.end(), 0u);
    std::sort(ids.begin(), ids.end(), [&](auto left, auto right) {
        return kept.orders[left].id < kept.orders[right].id;
    });
}

void LogChecks::check(const Exchange& exchange, std::int64_t line) {
    const std::string where = fmt::format("log line {}", line);
    const auto sale = sales_.find(exchange.sale_id);
    if (sale == sales_.end()) {
        findings_.add(2, "the log names a sale that does not exist", where);
        return;
    }
    if (exchange.kind == Exchange::Kind::take) {
        check_take(sale->second, exchange, where);
    } else if (exchange.accepted()) {
        check_pay_or_cancel(sale->second, exchange, where);
    }
}

void LogChecks::check_take(SaleFacts& facts, const Exchange& exchange, const std::string& where) {
    const auto [first, last] = facts.orders_of(exchange.customer_id, exchange.key);
    if (last - first > 1) {
        findings_.add(3, "one key has more than one order", where);
    }
    for (std::size_t index = first; index < last; ++index) {
        SaleFacts::Order& order = facts.orders[index];
        order.first_sent_us = std::min(order.first_sent_us, exchange.sent_us);
    }
    if (exchange.accepted()) {
        check_accepted(facts, exchange, where);
        return;
    }
    if (exchange.code == "sold_out" || exchange.code == "sale_over") {
        check_definite(facts, exchange, where);
    }
    if (is_shortage(exchange)) {
        check_shortage(facts, exchange, where);
        check_freshness(facts, exchange, where);
    }
}

void LogChecks::check_accepted(
    SaleFacts& facts, const Exchange& exchange, const std::string& where
) {
    const auto [first, last] = facts.orders_of(exchange.customer_id, exchange.key);
    if (first == last) {
        findings_.add(2, "a buyer was told of an order that does not exist", where);
        return;
    }
    SaleFacts::Order& order = facts.orders[first];
    order.first_answered_us = std::min(order.first_answered_us, exchange.answered_us);
    if (!exchange.order_id) {
        findings_.add(2, "a buyer was not told which order he has", where);
    } else if (*exchange.order_id != order.id) {
        findings_.add(
            3,
            "the same key was answered with different orders",
            fmt::format(
                "{}: {} and {}", where, exchange.order_id->to_string(), order.id.to_string()
            )
        );
    }
    if (exchange.quantity != order.quantity) {
        findings_.add(
            2,
            "an order has another quantity than was bought",
            fmt::format("{}: {} instead of {}", where, order.quantity, exchange.quantity)
        );
    }
    if (exchange.unit_price_cents && *exchange.unit_price_cents != order.unit_price_cents) {
        findings_.add(
            2,
            "an order has another price than the buyer was told",
            fmt::format(
                "{}: {} instead of {}", where, order.unit_price_cents, *exchange.unit_price_cents
            )
        );
    }
    if ((exchange.seq && *exchange.seq != order.seq) ||
        (exchange.pos && *exchange.pos != order.pos)) {
        findings_.add(
            3,
            "an order has another place than the buyer was told",
            fmt::format("{}: ({}, {}) in the database", where, order.seq, order.pos)
        );
    }
}

void LogChecks::check_definite(
    SaleFacts& facts, const Exchange& exchange, const std::string& where
) {
    const auto [first, last] = facts.orders_of(exchange.customer_id, exchange.key);
    if (first != last) {
        findings_.add(
            2,
            "a buyer was refused for good and yet has an order",
            fmt::format("{}: order {}", where, facts.orders[first].id.to_string())
        );
    }
    const bool sold_out = exchange.code == "sold_out";
    definite_.push_back({mix(exchange.customer_id, exchange.key), sold_out});
    if (!exchange.seq) return;
    const SaleFacts::Batch* batch = facts.batch(*exchange.seq);
    if (batch == nullptr) return;
    if (sold_out && !batch->sold_out_after) {
        findings_.add(5, "a buyer was told sold_out while units could come back", where);
    }
    if (!sold_out && batch->state_after < sale_draining) {
        findings_.add(5, "a buyer was told sale_over before the end", where);
    }
}

void LogChecks::check_shortage(
    SaleFacts& facts, const Exchange& exchange, const std::string& where
) {
    if (!exchange.seq) {
        findings_.add(5, "a refusal for lack of units does not say when it was true", where);
        return;
    }
    const SaleFacts::Batch* batch = facts.batch(*exchange.seq);
    if (batch == nullptr) {
        findings_.add(5, "a refusal names a batch that does not exist", where);
        return;
    }
    const std::int64_t remaining = facts.remaining_at(*batch, exchange.pos);
    if (remaining >= exchange.quantity) {
        findings_.add(
            5,
            "a buyer was refused although there were units",
            fmt::format("{}: {} of {} wanted", where, remaining, exchange.quantity)
        );
    }
    if (exchange.remaining && *exchange.remaining != remaining) {
        findings_.add(
            5,
            "a refusal gave a wrong number of units left",
            fmt::format("{}: {} instead of {}", where, *exchange.remaining, remaining)
        );
    }
    // Decided by a batch: at that batch's moment. By a snapshot: some time between question and
    // answer, so that only a hold overdue all that time counts.
    const std::int64_t from_us = exchange.pos ? batch->at_us : exchange.sent_us + clock_slack_us;
    const std::int64_t to_us = exchange.pos ? batch->at_us : exchange.answered_us - clock_slack_us;
    if (facts.was_overdue(from_us, to_us)) {
        findings_.add(5, "a buyer was refused while a hold was overdue", where);
    }
}

void LogChecks::check_freshness(
    SaleFacts& facts, const Exchange& exchange, const std::string& where
) {
    if (!exchange.seq) return;
    const std::int64_t oldest_us = exchange.sent_us - state_age_us_max;
    // A batch that decided the take was its state; a snapshot's state lasted until the next batch.
    const SaleFacts::Batch* until = facts.batch(exchange.pos ? *exchange.seq : *exchange.seq + 1);
    if (until == nullptr || until->at_us >= oldest_us) return;
    findings_.add(
        5,
        "a refusal rests on a state more than a second old",
        fmt::format("{}: {} ms", where, (exchange.sent_us - until->at_us) / 1000)
    );
}

void LogChecks::check_pay_or_cancel(
    SaleFacts& facts, const Exchange& exchange, const std::string& where
) {
    if (!exchange.order_id) return;
    const auto& ids = by_id_[facts.id];
    const auto found =
        std::lower_bound(ids.begin(), ids.end(), *exchange.order_id, [&](auto index, auto& id) {
            return facts.orders[index].id < id;
        });
    if (found == ids.end() || facts.orders[*found].id != *exchange.order_id) {
        findings_.add(2, "a buyer was told of an order that does not exist", where);
        return;
    }
    const std::int16_t state = facts.orders[*found].state;
    if (exchange.kind == Exchange::Kind::pay && state != state_paid && state != state_refunded) {
        findings_.add(
            2,
            "a buyer was told paid, but the order is not",
            fmt::format("{}: order {}", where, exchange.order_id->to_string())
        );
    }
    if (exchange.kind == Exchange::Kind::cancel && state != state_cancelled) {
        findings_.add(
            2,
            "a buyer was told cancelled, but the order is not",
            fmt::format("{}: order {}", where, exchange.order_id->to_string())
        );
    }
}

void LogChecks::finish() {
    check_definite_answers();
    for (const auto& sale : sales_) check_real_time(sale.second);
}

void LogChecks::check_definite_answers() {
    std::sort(definite_.begin(), definite_.end(), [](const auto& left, const auto& right) {
        return left.who < right.who;
    });
    for (std::size_t index = 1; index < definite_.size(); ++index) {
        const Definite& before = definite_[index - 1];
        const Definite& after = definite_[index];
        if (before.who == after.who && before.sold_out != after.sold_out) {
            findings_.add(
                3,
                "the same key was told sold_out and sale_over",
                fmt::format("key {}", after.who.to_string())
            );
        }
    }
}

void LogChecks::check_real_time(const SaleFacts& facts) {
    // From the last place to the first: nobody who stands later may have been answered before one
    // who stands earlier had asked.
    std::int64_t answered_us = INT64_MAX;
    const SaleFacts::Order* answered = nullptr;
    for (auto place = facts.places.rbegin(); place != facts.places.rend(); ++place) {
        const SaleFacts::Order& order = facts.orders[*place];
        const bool was_asked = order.first_sent_us != INT64_MAX;
        if (was_asked && answered_us < order.first_sent_us) {
            findings_.add(
                6,
                "a purchase answered before another was sent stands behind it",
                fmt::format("orders {} and {}", answered->id.to_string(), order.id.to_string())
            );
        }
        if (order.first_answered_us < answered_us) {
            answered_us = order.first_answered_us;
            answered = &order;
        }
    }
}

}  // namespace cli
