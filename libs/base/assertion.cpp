#include "base/assertion.hpp"

#include <cstdio>
#include <cstdlib>

namespace base {

void assertion_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: broken assertion: %s\n", file, line, expression);
    std::fflush(stderr);
    std::abort();
}

}  // namespace base
