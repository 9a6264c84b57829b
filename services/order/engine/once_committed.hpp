#pragma once

#include <string>
#include <utility>

#include "base/neighbour_error.hpp"
#include "net/net.hpp"

namespace order {

/// A step after a commit of the same request. When it fails, the caller mustn't be told that
/// nothing was changed, even where the step itself certainly had no effect: what is thrown then
/// leaves the outcome unknown.
template <class T>
net::awaitable<T> once_committed(net::awaitable<T> step) {
    try {
        co_return co_await std::move(step);
    } catch (const base::NeighbourError& error) {
        throw base::NeighbourError(
            error.neighbour(),
            std::string("after a commit: ") + error.what(),
            base::NeighbourError::Effect::unknown
        );
    }
}

}  // namespace order
