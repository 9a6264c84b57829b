#include "base/random.hpp"

#include <cerrno>
#include <sys/random.h>
#include <system_error>

#include "base/assertion.hpp"

namespace base {

void secure_random(std::span<std::uint8_t> out) {
    while (!out.empty()) {
        const ssize_t filled = getrandom(out.data(), out.size(), 0);
        if (filled < 0) {
            if (errno == EINTR) continue;
            throw std::system_error(errno, std::system_category(), "getrandom");
        }
        out = out.subspan(static_cast<std::size_t>(filled));
    }
}

std::uint64_t Jitter::next() {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
}

std::int64_t Jitter::between(std::int64_t low, std::int64_t high) {
    DOORBUSTER_ASSERT(low <= high);
    const std::uint64_t width = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
    // The bias of a remainder is below width / 2^64: of no concern for jitter.
    const std::uint64_t offset = width == UINT64_MAX ? next() : next() % (width + 1);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + offset);
}

}  // namespace base
