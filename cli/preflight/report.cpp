#include "cli/preflight/report.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "cli/table.hpp"

namespace cli::preflight {
namespace {

constexpr std::size_t found_characters_max = 110;

/// Errors of a server come with lines and hints of their own; a row of a table is one line.
std::string one_line(std::string_view text) {
    std::string line;
    for (const char letter : text) {
        const bool is_blank = letter == '\n' || letter == '\r' || letter == '\t' || letter == ' ';
        if (is_blank && (line.empty() || line.back() == ' ')) continue;
        line += is_blank ? ' ' : letter;
    }
    if (line.size() > found_characters_max) {
        line.resize(found_characters_max);
        line += " ...";
    }
    return line;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    fmt::format_to(std::back_inserter(out), ",\"{}\":", name);
    base::append_json_string(out, value);
}

}  // namespace

Verdict Report::verdict() const {
    Verdict worst = Verdict::ok;
    for (const Finding& finding : findings) worst = std::max(worst, finding.judgement.verdict);
    return worst;
}

std::size_t Report::count(Verdict verdict) const {
    return static_cast<std::size_t>(std::ranges::count_if(findings, [&](const Finding& finding) {
        return finding.judgement.verdict == verdict;
    }));
}

std::string_view to_string(Verdict verdict) {
    switch (verdict) {
        case Verdict::ok:
            return "ok";
        case Verdict::warning:
            return "warning";
        case Verdict::failed:
            return "FAILED";
    }
    return "FAILED";
}

std::string to_table(const Report& report) {
    std::vector<std::vector<std::string>> rows{{"", "check", "verdict", "found"}};
    std::string advice;
    std::string area;
    for (const Finding& finding : report.findings) {
        const Judgement& judgement = finding.judgement;
        rows.push_back(
            {finding.area == area ? "" : finding.area,
             finding.check,
             std::string(to_string(judgement.verdict)),
             one_line(judgement.found)}
        );
        area = finding.area;
        if (judgement.verdict == Verdict::ok) continue;
        advice += fmt::format(
            "\n{}: {}: {}\n   {}\n   -> {}\n",
            to_string(judgement.verdict),
            finding.area,
            finding.check,
            judgement.found,
            judgement.fix
        );
    }
    return table(rows) + advice +
           fmt::format(
               "\n{} checks in {:.1f} s: {} failed, {} warnings\n",
               report.findings.size(),
               static_cast<double>(report.took_ms) / 1000.0,
               report.count(Verdict::failed),
               report.count(Verdict::warning)
           );
}

std::string to_json(const Report& report) {
    std::string out = "{\"verdict\":";
    base::append_json_string(out, to_string(report.verdict()));
    fmt::format_to(std::back_inserter(out), ",\"took_ms\":{},\"checks\":[", report.took_ms);
    bool first = true;
    for (const Finding& finding : report.findings) {
        out += first ? "{\"area\":" : ",{\"area\":";
        first = false;
        base::append_json_string(out, finding.area);
        append_field(out, "check", finding.check);
        append_field(out, "verdict", to_string(finding.judgement.verdict));
        append_field(out, "found", finding.judgement.found);
        append_field(out, "fix", finding.judgement.fix);
        out += '}';
    }
    return out + "]}";
}

}  // namespace cli::preflight
