#include "http/compression.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <zlib.h>

#include "http/message.hpp"

namespace http {

namespace {

/// Of nine levels the quickest: on a page of 20 products the default makes a twentieth less of what
/// is left, in a quarter more time, and the one thread has better things to do.
constexpr int level = 1;
constexpr int gzip_window_bits = 15 + 16;  // 16 asks zlib for gzip's header and trailer
constexpr int memory_level = 8;            // zlib's own default

constexpr std::array<std::string_view, 6> compressible_types{
    "application/json",
    "application/problem+json",
    "application/yaml",
    "application/javascript",
    "image/svg+xml",
    "text/"
};

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Thousandths; 1000 if there is none, 0 if it can't be read.
int quality(std::string_view parameters) {
    const auto text = trimmed(parameters);
    if (text.empty()) return 1000;
    if (text.size() < 3 || (text[0] != 'q' && text[0] != 'Q') || text[1] != '=') return 0;
    const auto number = text.substr(2);
    if (number.size() > 5 || (number[0] != '0' && number[0] != '1')) return 0;
    if (number.size() > 1 && number[1] != '.') return 0;
    int thousandths = (number[0] - '0') * 1000;
    int weight = 100;
    for (const char digit : number.substr(std::min<std::size_t>(2, number.size()))) {
        if (digit < '0' || digit > '9') return 0;
        thousandths += (digit - '0') * weight;
        weight /= 10;
    }
    return std::min(thousandths, 1000);
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
    std::optional<int> gzip;
    std::optional<int> identity;
    std::optional<int> any;
    std::string_view rest = accept_encoding;
    while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        const auto part = rest.substr(0, comma);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        const auto semicolon = std::min(part.find(';'), part.size());
        const auto coding = trimmed(part.substr(0, semicolon));
        const int q = quality(part.substr(std::min(semicolon + 1, part.size())));
        if (equal_ignoring_case(coding, "gzip") || equal_ignoring_case(coding, "x-gzip")) gzip = q;
        if (equal_ignoring_case(coding, "identity")) identity = q;
        if (coding == "*") any = q;
    }
    const int wanted = gzip.value_or(any.value_or(0));
    return wanted > 0 && wanted >= identity.value_or(0);
}

bool is_compressible(std::string_view content_type) {
    return std::ranges::any_of(compressible_types, [&](std::string_view type) {
        return content_type.size() >= type.size() &&
               equal_ignoring_case(content_type.substr(0, type.size()), type);
    });
}

struct Gzip::Stream {
    z_stream state{};
    bool is_ready = false;

    Stream() {
        is_ready = deflateInit2(
                       &state, level, Z_DEFLATED, gzip_window_bits, memory_level, Z_DEFAULT_STRATEGY
                   ) == Z_OK;
    }
    ~Stream() {
        if (is_ready) deflateEnd(&state);
    }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
};

Gzip::Gzip() = default;
Gzip::~Gzip() = default;

std::string Gzip::compress(std::string_view body) {
    if (!stream_) stream_ = std::make_unique<Stream>();
    if (!stream_->is_ready || deflateReset(&stream_->state) != Z_OK) return {};
    z_stream& state = stream_->state;
    std::string out(deflateBound(&state, body.size()), '\0');
    // zlib's interface predates const; it only reads the input.
    state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    state.avail_in = static_cast<uInt>(body.size());
    state.next_out = reinterpret_cast<Bytef*>(out.data());
    state.avail_out = static_cast<uInt>(out.size());
    if (deflate(&state, Z_FINISH) != Z_STREAM_END) return {};
    out.resize(out.size() - state.avail_out);
    return out;
}

}  // namespace http
