#include "http/trace_context.hpp"

#include <algorithm>

#include "base/random.hpp"

namespace http {

namespace {

constexpr std::size_t version_at = 0;
constexpr std::size_t trace_id_at = 3;
constexpr std::size_t trace_id_size = 32;
constexpr std::size_t span_id_at = 36;
constexpr std::size_t span_id_size = 16;
constexpr std::size_t flags_at = 53;
constexpr std::size_t size_of_version_0 = 55;

bool is_hex(std::string_view text) {
    return std::ranges::all_of(text, [](char letter) {
        return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f');
    });
}

bool is_zero(std::string_view text) {
    return text.find_first_not_of('0') == std::string_view::npos;
}

/// Ids need to differ, not to be secret. One generator a process: one loop, one thread.
std::uint64_t random_bits() {
    static base::Jitter source = [] {
        std::uint64_t seed = 0;
        base::secure_random({reinterpret_cast<std::uint8_t*>(&seed), sizeof seed});
        return base::Jitter(seed);
    }();
    std::uint64_t bits = source.next();
    while (bits == 0) bits = source.next();  // an id of zeros is not valid
    return bits;
}

void write_hex(char* to, std::uint64_t bits) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (std::size_t at = 0; at < 16; ++at, bits >>= 4) to[at] = digits[bits & 15];
}

}  // namespace

TraceContext TraceContext::make() {
    TraceContext made;
    write_hex(made.trace_id_.data(), random_bits());
    write_hex(made.trace_id_.data() + 16, random_bits());
    return made;
}

std::optional<TraceContext> TraceContext::parse(std::string_view traceparent) {
    if (traceparent.size() < size_of_version_0) return std::nullopt;
    const auto version = traceparent.substr(version_at, 2);
    const auto trace_id = traceparent.substr(trace_id_at, trace_id_size);
    const auto span_id = traceparent.substr(span_id_at, span_id_size);
    const auto flags = traceparent.substr(flags_at, 2);
    if (!is_hex(version) || version == "ff" || !is_hex(flags)) return std::nullopt;
    if (!is_hex(trace_id) || is_zero(trace_id) || !is_hex(span_id) || is_zero(span_id)) {
        return std::nullopt;
    }
    if (traceparent[2] != '-' || traceparent[35] != '-' || traceparent[52] != '-') {
        return std::nullopt;
    }
    // Later versions may append fields; this one may not.
    const bool has_more = traceparent.size() > size_of_version_0;
    if (has_more && (version == "00" || traceparent[size_of_version_0] != '-')) {
        return std::nullopt;
    }
    TraceContext read;
    std::ranges::copy(trace_id, read.trace_id_.begin());
    const char low = flags[1];
    read.is_sampled_ = ((low <= '9' ? low - '0' : low - 'a' + 10) & 1) != 0;
    return read;
}

void TraceContext::append_next_hop(std::string& out) const {
    const std::size_t begin = out.size();
    out.append("00-00000000000000000000000000000000-0000000000000000-00");
    std::ranges::copy(trace_id_, out.data() + begin + trace_id_at);
    write_hex(out.data() + begin + span_id_at, random_bits());
    if (is_sampled_) out.back() = '1';
}

}  // namespace http
