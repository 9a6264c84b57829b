#include "crowd/answer.hpp"

#include <algorithm>

#include "base/uuid.hpp"
#include "crowd/json_scan.hpp"

namespace crowd {
namespace {

constexpr std::size_t code_bytes_max = 40;

/// Codes and states end up in the tab-separated log and as names in the report.
std::string plain_name(const Member& member) {
    const auto text = member.text();
    if (!text || text->empty() || text->size() > code_bytes_max) return {};
    const bool plain = std::all_of(text->begin(), text->end(), [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') ||
               letter == '_';
    });
    return plain ? std::string(*text) : std::string();
}

}  // namespace

Answer read_answer(std::string_view body) {
    Answer answer;
    answer.readable = scan_object(body, [&](const Member& member) {
        if (member.name == "order_id") {
            const auto text = member.text();
            if (text && base::Uuid::parse(*text)) answer.order_id = *text;
        } else if (member.name == "code") {
            answer.code = plain_name(member);
        } else if (member.name == "state") {
            answer.state = plain_name(member);
        } else if (member.name == "quantity") {
            answer.quantity = member.integer();
        } else if (member.name == "unit_price_cents") {
            answer.unit_price_cents = member.integer();
        } else if (member.name == "seq") {
            answer.seq = member.integer();
        } else if (member.name == "pos") {
            answer.pos = member.integer();
        } else if (member.name == "remaining") {
            answer.remaining = member.integer();
        }
    });
    return answer;
}

}  // namespace crowd
