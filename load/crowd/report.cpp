#include "crowd/report.hpp"

#include <algorithm>
#include <cmath>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/timestamp.hpp"

namespace crowd {
namespace {

namespace json = boost::json;

// Beyond these the numbers say more about the crowd than about the shop.
constexpr std::int64_t loop_lag_us_max = 50000;
constexpr std::int64_t queue_delay_us_max = 100000;
constexpr double cpu_share_max = 0.9;

double rounded(double value) {
    return std::round(value * 1000.0) / 1000.0;
}

double ms(std::int64_t microseconds) {
    return rounded(static_cast<double>(microseconds) / 1e3);
}

double seconds_between(net::Deadline from, net::Deadline to) {
    return std::chrono::duration<double>(to - from).count();
}

double per_second(std::uint64_t count, double seconds) {
    return seconds > 0 ? rounded(static_cast<double>(count) / seconds) : 0;
}

json::object to_object(const Counts& counts) {
    json::object object;
    for (const auto& [name, count] : counts) object[name] = count;
    return object;
}

json::object to_object(const Histogram& histogram) {
    return {
        {"count", histogram.count()},
        {"p50_ms", ms(histogram.percentile(0.50))},
        {"p95_ms", ms(histogram.percentile(0.95))},
        {"p99_ms", ms(histogram.percentile(0.99))},
        {"max_ms", ms(histogram.max())},
    };
}

/// Milliseconds since the start, null for what never happened.
json::value since_start(const RunRecord& run, net::Deadline when) {
    if (when == net::Deadline{}) return nullptr;
    return rounded(seconds_between(run.started, when) * 1e3);
}

/// From the first request to `when`.
json::value since_first_request(const RunRecord& run, net::Deadline when) {
    if (when == net::Deadline{}) return nullptr;
    return rounded(seconds_between(run.tally.first_sent, when) * 1e3);
}

double purchase_seconds(const Tally& tally) {
    if (tally.purchases == 0) return 0;
    return seconds_between(tally.first_sent, tally.last_purchase);
}

std::uint32_t best_second(const Tally& tally) {
    const auto& seconds = tally.purchases_by_second;
    return seconds.empty() ? 0 : *std::max_element(seconds.begin(), seconds.end());
}

/// How fast the shop sold while it had units; null if it never ran out.
json::value rush_of(const Tally& tally) {
    if (tally.rush_ended == net::Deadline{}) return nullptr;
    const double seconds = seconds_between(tally.first_sent, tally.rush_ended);
    return json::object{
        {"purchases", tally.rush_purchases},
        {"ms", rounded(seconds * 1e3)},
        {"per_second", per_second(tally.rush_purchases, seconds)},
    };
}

json::object purchases_of(const RunRecord& run) {
    const Tally& tally = run.tally;
    json::array by_second;
    for (const std::uint32_t count : tally.purchases_by_second) by_second.push_back(count);
    return {
        {"acknowledged", tally.purchases},
        {"units", tally.units},
        {"per_second", per_second(tally.purchases, purchase_seconds(tally))},
        {"best_second", best_second(tally)},
        {"rush", rush_of(tally)},
        {"by_second", std::move(by_second)},
        {"first_at_ms", since_start(run, tally.first_purchase)},
        {"last_at_ms", since_start(run, tally.last_purchase)},
        {"last_after_first_request_ms", since_first_request(run, tally.last_purchase)},
        {"sold_out_after_first_request_ms", since_first_request(run, tally.first_sold_out)},
        {"longest_gap_ms", ms(tally.longest_gap.count())},
        {"longest_gap_began_at_ms", since_start(run, tally.longest_gap_began)},
    };
}

json::object generator_of(const RunRecord& run, const Options& options) {
    const Tally& tally = run.tally;
    const double wall_s = seconds_between(run.started, run.ended);
    const double cpu_s = run.cpu_user_s + run.cpu_system_s;
    json::array reasons;
    if (wall_s > 0 && cpu_s / wall_s > cpu_share_max) reasons.emplace_back("cpu");
    if (tally.loop_lag.percentile(0.99) > loop_lag_us_max) reasons.emplace_back("loop_lag");
    if (options.arrival == Arrival::open &&
        tally.queue_delay.percentile(0.99) > queue_delay_us_max) {
        reasons.emplace_back("too_few_connections");
    }
    if (tally.arrivals_dropped > 0) reasons.emplace_back("arrivals_dropped");
    const bool bottleneck = !reasons.empty();
    return {
        {"cpu_user_s", rounded(run.cpu_user_s)},
        {"cpu_system_s", rounded(run.cpu_system_s)},
        {"cpu_us_per_exchange",
         tally.exchanges == 0 ? 0 : rounded(cpu_s * 1e6 / static_cast<double>(tally.exchanges))},
        {"loop_lag", to_object(tally.loop_lag)},
        {"queue_delay", to_object(tally.queue_delay)},
        {"was_bottleneck", bottleneck},
        {"bottleneck_reasons", std::move(reasons)},
    };
}

json::object exchanges_of(const RunRecord& run) {
    const Tally& tally = run.tally;
    return {
        {"sent", tally.exchanges},
        {"unanswered", tally.unanswered},
        {"never_sent", tally.never_sent},
        {"timeouts", tally.timeouts},
        {"retries", tally.retries},
        {"stale_resends", tally.stale_resends},
        {"duplicates", tally.duplicates},
        {"contradictions", tally.contradictions},
        {"connects", run.connects},
        {"connect_failures", run.connect_failures},
        {"per_second", per_second(tally.exchanges, seconds_between(run.started, run.ended))},
    };
}

json::object settings_of(const Options& options) {
    return {
        {"sale", options.sale.empty() ? json::value() : json::value(options.sale)},
        {"lines", options.sale.empty() ? json::value(options.lines) : json::value()},
        {"connections", options.connections},
        {"arrival", options.arrival == Arrival::open ? "open" : "closed"},
        {"rate", options.arrival == Arrival::open ? json::value(options.rate) : json::value()},
        {"duration_s", options.duration_s},
        {"until_sold_out", options.until_sold_out},
        {"retries", options.retries},
        {"duplicates", options.duplicates},
        {"pay", options.pay},
        {"cancel", options.cancel},
        {"decline", options.decline},
        {"request_timeout_ms", options.request_timeout_ms},
        {"seed", options.seed},
    };
}

}  // namespace

std::string to_json(const RunRecord& run, const Options& options) {
    const Tally& tally = run.tally;
    json::object answers;
    for (const Kind kind : {Kind::take, Kind::pay, Kind::cancel}) {
        answers[to_string(kind)] = to_object(tally.answers[static_cast<std::size_t>(kind)]);
    }
    const json::object report{
        {"started_at", base::format_timestamp(run.started_unix_ms)},
        {"elapsed_s", rounded(seconds_between(run.started, run.ended))},
        {"arrivals_s", rounded(seconds_between(run.started, run.arrivals_ended))},
        {"ended_by", run.ended_by},
        {"settings", settings_of(options)},
        {"arrivals", tally.arrivals},
        {"arrivals_left", tally.arrivals_left},
        {"arrivals_dropped", tally.arrivals_dropped},
        {"unfinished", tally.unfinished},
        {"fates", to_object(tally.fates)},
        {"answers", std::move(answers)},
        {"purchases", purchases_of(run)},
        {"exchanges", exchanges_of(run)},
        {"latency",
         {{"purchase", to_object(tally.purchase)},
          {"until_bought", to_object(tally.until_bought)},
          {"refusal", to_object(tally.refusal)},
          {"not_served", to_object(tally.not_served)},
          {"pay", to_object(tally.pay)},
          {"cancel", to_object(tally.cancel)}}},
        {"generator", generator_of(run, options)},
    };
    return json::serialize(report) + "\n";
}

std::string summary(const RunRecord& run) {
    const Tally& tally = run.tally;
    std::string text = fmt::format(
        "{} purchases ({} units) in {:.2f} s: {:.0f}/s, best second {}; {} arrivals, {} requests\n"
        "purchase p50 {:.1f} ms, p95 {:.1f} ms, p99 {:.1f} ms, max {:.1f} ms; "
        "longest gap {:.1f} ms\n",
        tally.purchases,
        tally.units,
        purchase_seconds(tally),
        per_second(tally.purchases, purchase_seconds(tally)),
        best_second(tally),
        tally.arrivals,
        tally.exchanges,
        ms(tally.purchase.percentile(0.50)),
        ms(tally.purchase.percentile(0.95)),
        ms(tally.purchase.percentile(0.99)),
        ms(tally.purchase.max()),
        ms(tally.longest_gap.count())
    );
    text += "buyers:";
    for (const auto& [name, count] : tally.fates) text += fmt::format(" {} {}", name, count);
    text += "\n";
    return text;
}

}  // namespace crowd
