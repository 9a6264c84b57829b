#pragma once

#include <string>

#include "password/password.hpp"

namespace auth::api {

/// Overwrites a text that holds a password when the endpoint is done with it, however it ends.
class Wiped {
  public:
    explicit Wiped(std::string& text) : text_(text) {}
    ~Wiped() { password::wipe(text_); }
    Wiped(const Wiped&) = delete;
    Wiped& operator=(const Wiped&) = delete;

  private:
    std::string& text_;
};

}  // namespace auth::api
