#pragma once

#include <stdexcept>
#include <string>

namespace base {

/// A neighbour (database, Redis, another room) is broken, slow or gone. Thrown where it is met,
/// mapped once at the HTTP edge to 503 with Retry-After.
class NeighbourError : public std::runtime_error {
  public:
    enum class Effect {
        none,    ///< the request certainly had no effect
        unknown  ///< it may or may not have taken effect
    };

    NeighbourError(std::string neighbour, const std::string& what, Effect effect)
        : std::runtime_error(neighbour + ": " + what),
          neighbour_(std::move(neighbour)),
          effect_(effect) {}

    const std::string& neighbour() const { return neighbour_; }
    Effect effect() const { return effect_; }

  private:
    std::string neighbour_;
    Effect effect_;
};

}  // namespace base
