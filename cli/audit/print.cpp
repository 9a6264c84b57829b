#include <array>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "cli/audit/audit.hpp"
#include "cli/table.hpp"

namespace cli {
namespace {

constexpr std::array<std::string_view, 9> names{
    "units add up and history replays",
    "what was answered is what is stored",
    "a key has one order and one answer",
    "limits per customer",
    "nobody was refused while there were units",
    "first come, first served",
    "units come back once, money is accounted for",
    "sales and stock agree",
    "nothing is stuck"
};

std::string verdict_of(const AuditReport& report, int invariant) {
    std::int64_t broken = 0;
    for (const AuditFinding& finding : report.findings) {
        if (finding.invariant == invariant) broken += finding.count;
    }
    if (broken > 0) return fmt::format("BROKEN ({})", broken);
    for (const AuditSkip& skip : report.skipped) {
        if (skip.invariant == invariant) return skip.why;
    }
    return "holds";
}

void append_field(std::string& out, std::string_view name, std::int64_t value) {
    fmt::format_to(std::back_inserter(out), "\"{}\":{},", name, value);
}

}  // namespace

std::string to_table(const AuditReport& report) {
    std::string out = fmt::format(
        "{} sales, {} orders, {} batches, {} exchanges\n\n",
        report.sales,
        report.orders,
        report.batches,
        report.exchanges
    );
    std::vector<std::vector<std::string>> rows{{"", "invariant", "verdict"}};
    for (int invariant = 1; invariant <= static_cast<int>(names.size()); ++invariant) {
        rows.push_back(
            {std::to_string(invariant),
             std::string(names.at(static_cast<std::size_t>(invariant - 1))),
             verdict_of(report, invariant)}
        );
    }
    out += table(rows);
    for (const AuditFinding& finding : report.findings) {
        out += fmt::format(
            "\n{}: {} ({} times)\n", finding.invariant, finding.description, finding.count
        );
        for (const std::string& example : finding.examples) out += fmt::format("   {}\n", example);
    }
    return out;
}

std::string to_json(const AuditReport& report) {
    std::string out = "{";
    append_field(out, "sales", report.sales);
    append_field(out, "orders", report.orders);
    append_field(out, "batches", report.batches);
    append_field(out, "exchanges", report.exchanges);
    out += fmt::format("\"holds\":{},\"findings\":[", report.holds());
    bool first = true;
    for (const AuditFinding& finding : report.findings) {
        out += first ? "{" : ",{";
        first = false;
        append_field(out, "invariant", finding.invariant);
        append_field(out, "count", finding.count);
        out += "\"description\":";
        base::append_json_string(out, finding.description);
        out += ",\"examples\":[";
        for (std::size_t index = 0; index < finding.examples.size(); ++index) {
            if (index > 0) out += ',';
            base::append_json_string(out, finding.examples[index]);
        }
        out += "]}";
    }
    out += "],\"skipped\":[";
    first = true;
    for (const AuditSkip& skip : report.skipped) {
        out += first ? "{" : ",{";
        first = false;
        append_field(out, "invariant", skip.invariant);
        out += "\"why\":";
        base::append_json_string(out, skip.why);
        out += '}';
    }
    return out + "]}";
}

}  // namespace cli
