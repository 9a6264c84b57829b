#include "cli/audit/audit.hpp"

#include <set>

#include "cli/audit/database_checks.hpp"
#include "cli/audit/findings.hpp"
#include "cli/audit/log_checks.hpp"
#include "cli/audit/log_reader.hpp"
#include "cli/audit/sale_facts.hpp"
#include "cli/audit/snapshot.hpp"

namespace cli {
namespace {

constexpr std::int64_t progress_lines = 100'000;

std::set<base::Uuid> sales_of(const std::filesystem::path& log, std::int64_t& exchanges) {
    std::set<base::Uuid> sales;
    LogReader reader(log);
    base::Uuid last;
    base::Uuid sale;
    while (reader.next_sale(sale)) {
        ++exchanges;
        // Nearly every line is about the same sale as the one before.
        if (sale == last) continue;
        sales.insert(sale);
        last = sale;
    }
    return sales;
}

net::awaitable<void> check_log(
    postgres::Pool& pool,
    const std::filesystem::path& log,
    AuditReport& report,
    Findings& findings,
    const AuditProgress& progress
) {
    const std::set<base::Uuid> sales = sales_of(log, report.exchanges);
    LogChecks checks(findings);
    Snapshot snapshot = co_await Snapshot::open(pool);
    for (const base::Uuid& sale : sales) {
        std::optional<SaleFacts> facts = co_await load_sale_facts(snapshot, sale, progress);
        if (facts) checks.add(std::move(*facts));
    }
    co_await snapshot.close();

    LogReader reader(log);
    Exchange exchange;
    while (reader.next(exchange)) {
        checks.check(exchange, reader.line());
        if (reader.line() % progress_lines == 0) progress("log", reader.line(), report.exchanges);
    }
    checks.finish();
}

}  // namespace

net::awaitable<AuditReport> audit(
    postgres::Pool& pool, std::optional<std::filesystem::path> log, AuditProgress progress
) {
    AuditReport report;
    Findings findings;
    co_await check_database(pool, report, findings, progress);
    if (log) co_await check_log(pool, *log, report, findings, progress);
    if (report.exchanges == 0) {
        const char* why = log ? "the log of the crowd is empty" : "needs the log of a crowd";
        for (const int invariant : {2, 3, 5, 6}) report.skipped.push_back({invariant, why});
    }
    report.findings = findings.take();
    co_return report;
}

}  // namespace cli
