#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace http {

/// Whether an Accept-Encoding asks for gzip, not less than for the plain text (RFC 9110, 12.5.3).
bool accepts_gzip(std::string_view accept_encoding);

/// Text that shrinks: JSON, HTML, YAML and the like.
bool is_compressible(std::string_view content_type);

/// Makes gzip (RFC 1952) of whole bodies, on the caller's thread: 100 KiB take about a millisecond.
/// Keeps the compressor's 260 KiB from the first use on, instead of making them for each body.
class Gzip {
  public:
    Gzip();
    ~Gzip();
    Gzip(const Gzip&) = delete;
    Gzip& operator=(const Gzip&) = delete;

    /// Empty if zlib can't (no memory): send the body as it is.
    std::string compress(std::string_view body);

  private:
    struct Stream;
    std::unique_ptr<Stream> stream_;
};

}  // namespace http
