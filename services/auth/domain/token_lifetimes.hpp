#pragma once

#include <cstdint>

namespace auth {

struct TokenLifetimes {
    std::int64_t access_s = 600;
    std::int64_t refresh_s = 30 * 24 * 3600;  ///< since the session was last refreshed
};

}  // namespace auth
