#pragma once

#include <unordered_map>
#include <vector>

#include "cli/audit/findings.hpp"
#include "cli/audit/log_reader.hpp"
#include "cli/audit/sale_facts.hpp"

namespace cli {

/// The invariants that need to know what buyers were told: 2, 3, 5, 6. Fed with every exchange of
/// the log; `finish` adds what only shows at the end. The crowd and the database must go by the
/// same clock, to a quarter of a second.
class LogChecks {
  public:
    explicit LogChecks(Findings& findings) : findings_(findings) {}

    void add(SaleFacts facts);
    void check(const Exchange& exchange, std::int64_t line);
    void finish();

  private:
    void check_take(SaleFacts& facts, const Exchange& exchange, const std::string& where);
    void check_accepted(SaleFacts& facts, const Exchange& exchange, const std::string& where);
    void check_definite(SaleFacts& facts, const Exchange& exchange, const std::string& where);
    void check_shortage(SaleFacts& facts, const Exchange& exchange, const std::string& where);
    void check_freshness(SaleFacts& facts, const Exchange& exchange, const std::string& where);
    void check_pay_or_cancel(SaleFacts& facts, const Exchange& exchange, const std::string& where);
    void check_definite_answers();
    void check_real_time(const SaleFacts& facts);

    /// A key that was refused for good. Keys are digests, so mixing in the customer keeps them
    /// apart in 16 bytes.
    struct Definite {
        base::Uuid who;
        bool sold_out = false;
    };

    Findings& findings_;
    std::unordered_map<base::Uuid, SaleFacts> sales_;
    /// Orders by id, for pay and cancel: the sale's orders are sorted by key.
    std::unordered_map<base::Uuid, std::vector<std::uint32_t>> by_id_;
    std::vector<Definite> definite_;
};

}  // namespace cli
