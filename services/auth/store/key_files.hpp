#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "token/access_token.hpp"

namespace auth {

/// More than that beside the one that signs is a mistake: two are needed to change keys.
inline constexpr std::size_t other_keys_max = 4;

/// The files with the signing keys, looked at again and again: who changes keys restarts nothing. A
/// mounted Kubernetes secret is replaced as a whole by its kubelet, other files one by one; either
/// is a change. Reads small files on the calling thread.
class KeyFiles {
  public:
    /// `other_path` may be empty, and that file may come and go; if it can't be read it isn't gone.
    KeyFiles(std::string signing_path, std::string other_path)
        : signing_path_(std::move(signing_path)), other_path_(std::move(other_path)) {}

    using Keys = std::vector<token::SigningKey>;
    /// All keys, the one that signs first, if a file changed since the last successful call; the
    /// first call always reads. The error says why they can't be used now; ask again later.
    std::expected<std::optional<Keys>, std::string> read_if_changed();

  private:
    std::string fingerprint() const;

    std::string signing_path_;
    std::string other_path_;
    std::string last_read_;
};

/// The keys of two texts in PEM, the one that signs first. Throws std::runtime_error.
KeyFiles::Keys read_keys(std::string_view signing_pem, std::string_view other_pem);

}  // namespace auth
