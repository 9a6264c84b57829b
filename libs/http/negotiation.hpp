#pragma once

#include <optional>
#include <string>

#include "http/compression.hpp"
#include "http/message.hpp"

namespace http {

/// What the server itself does about a response, whatever the handler: 304 for who has that version
/// already, and gzip for who takes it. One per server; the connection keeps the wishes of its
/// request, as a handler may take the headers away.
class Negotiation {
  public:
    struct Wishes {
        bool gzip = false;
        std::optional<std::string> known_tags;  ///< If-None-Match, as the handler sees it
        std::string given_tags;  ///< the same as it came, if it names what was gzip from here
    };

    /// `gzip_bytes_min`: smaller bodies are sent as they are; 0: all.
    explicit Negotiation(std::size_t gzip_bytes_min) : gzip_bytes_min_(gzip_bytes_min) {}

    /// Reads the wishes. Tags in If-None-Match and If-Match become the handler's own again.
    static Wishes read(Request& request);

    /// Before the response is written.
    void apply(const Request& request, const Wishes& wishes, Response& response);

  private:
    void compress(const Wishes& wishes, Response& response);

    std::size_t gzip_bytes_min_;
    Gzip gzip_;
};

}  // namespace http
