#include "net/backoff.hpp"

#include <algorithm>

namespace net {

std::chrono::milliseconds Backoff::next() {
    const auto now = current_.count();
    current_ = std::min(current_ * 2, most_);
    return std::chrono::milliseconds(jitter_.between(now / 2, now));
}

}  // namespace net
