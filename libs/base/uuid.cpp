#include "base/uuid.hpp"

#include <algorithm>
#include <cstring>

#include "base/assertion.hpp"
#include "base/random.hpp"

namespace base {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

/// Text positions of the four dashes in 8-4-4-4-12.
bool is_dash(std::size_t position) {
    return position == 8 || position == 13 || position == 18 || position == 23;
}

int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

/// 12 bits of rand_a and the first 14 of rand_b (RFC 9562, 6.2, method 1).
constexpr std::uint32_t counter_max = (1u << 26) - 1;
constexpr std::int64_t unix_ms_max = (std::int64_t{1} << 48) - 1;

}  // namespace

std::optional<Uuid> Uuid::parse(std::string_view text) {
    if (text.size() != 36) return std::nullopt;
    Uuid id;
    std::size_t digits = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_dash(i)) {
            if (text[i] != '-') return std::nullopt;
            continue;
        }
        const int value = hex_value(text[i]);
        if (value < 0) return std::nullopt;
        std::uint8_t& byte = id.bytes[digits / 2];
        byte = static_cast<std::uint8_t>(byte << 4 | value);
        ++digits;
    }
    return id;
}

std::string Uuid::to_string() const {
    std::string text(36, '-');
    std::size_t digits = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_dash(i)) continue;
        const std::uint8_t byte = bytes[digits / 2];
        text[i] = hex_digits[digits % 2 == 0 ? byte >> 4 : byte & 15];
        ++digits;
    }
    return text;
}

UuidGenerator::UuidGenerator() = default;

Uuid UuidGenerator::next(std::int64_t unix_ms) {
    DOORBUSTER_ASSERT(unix_ms >= 0 && unix_ms <= unix_ms_max);
    constexpr std::size_t random_per_id = 10;
    if (random_used_ + random_per_id > random_.size()) {
        secure_random(random_);
        random_used_ = 0;
    }
    const std::uint8_t* random = random_.data() + random_used_;
    random_used_ += random_per_id;

    if (unix_ms > last_ms_) {
        last_ms_ = unix_ms;
        // Half of the counter's room stays free for the ids to come in this millisecond.
        std::memcpy(&counter_, random + 6, sizeof counter_);
        counter_ &= counter_max >> 1;
    } else if (counter_ < counter_max) {
        ++counter_;
    } else {
        ++last_ms_;
        counter_ = 0;
    }

    Uuid id;
    for (int i = 0; i < 6; ++i) {
        id.bytes[i] = static_cast<std::uint8_t>(last_ms_ >> (40 - 8 * i));
    }
    id.bytes[6] = static_cast<std::uint8_t>(0x70 | counter_ >> 22);
    id.bytes[7] = static_cast<std::uint8_t>(counter_ >> 14);
    id.bytes[8] = static_cast<std::uint8_t>(0x80 | (counter_ >> 8 & 0x3f));
    id.bytes[9] = static_cast<std::uint8_t>(counter_);
    std::copy_n(random, 6, id.bytes.begin() + 10);
    return id;
}

}  // namespace base

std::size_t std::hash<base::Uuid>::operator()(const base::Uuid& id) const noexcept {
    // Callers choose some ids; an unknown seed keeps them from choosing colliding ones.
    static const std::uint64_t seed = [] {
        std::uint8_t bytes[8];
        base::secure_random(bytes);
        std::uint64_t value = 0;
        std::memcpy(&value, bytes, sizeof value);
        return value;
    }();
    std::uint64_t halves[2];
    std::memcpy(halves, id.bytes.data(), sizeof halves);
    base::Jitter first(halves[0] ^ seed);
    base::Jitter second(first.next() ^ halves[1]);
    return second.next();
}
