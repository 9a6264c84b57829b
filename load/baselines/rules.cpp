#include "baselines/rules.hpp"

namespace baselines {
namespace {

constexpr std::int16_t open_state = 2;
constexpr std::int16_t paused_state = 3;

}  // namespace

Outcome judge(const Terms& terms, const Take& take, const Standing& standing) {
    if (!standing.known_id.is_nil()) {
        return standing.known_fingerprint == take.fingerprint ? Outcome::known
                                                              : Outcome::key_reused;
    }
    if (standing.sold_out) return Outcome::sold_out;
    const bool is_on = standing.state == open_state || standing.state == paused_state;
    if (standing.has_ended || (!is_on && standing.state != 0)) return Outcome::sale_over;
    if (standing.state == 0 || !standing.has_started) return Outcome::not_started;
    if (standing.state == paused_state) return Outcome::paused;
    if (standing.units + take.quantity > terms.units_per_customer) return Outcome::limit_reached;
    if (standing.holds >= terms.holds_per_customer) return Outcome::limit_reached;
    if (standing.remaining >= take.quantity) return Outcome::bought;
    return standing.remaining == 0 ? Outcome::none_left_now : Outcome::not_enough;
}

}  // namespace baselines
