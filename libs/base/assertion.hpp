#pragma once

namespace base {

/// Prints the broken assertion to stderr and aborts.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace base

/// Our own bugs stop the process, in release builds too: a shop that has lost track of its own
/// state must not go on selling. Never for input or for neighbours.
#define DOORBUSTER_ASSERT(expression) \
    ((expression) ? void(0) : ::base::assertion_failed(#expression, __FILE__, __LINE__))
