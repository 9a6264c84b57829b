#pragma once

// Beast's parsers, filling http::Request and http::Response without a copy in between.
// Included by request_reader.cpp and client.cpp only: Beast is slow to compile.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include <boost/beast/http/basic_parser.hpp>

#include "http/message.hpp"

namespace http {

namespace beast_http = boost::beast::http;

inline std::string_view view_of(boost::beast::string_view text) {
    return {text.data(), text.size()};
}

/// More than this is not reserved because of a header alone: the body has yet to come.
constexpr std::uint64_t body_bytes_reserved_max = 64 * 1024;
/// Of one request; nobody uses them, and each may be as long as a chunk's line.
constexpr std::size_t chunk_extension_bytes_max = 1024;
/// A chunk of one byte costs six more: after the first ones they must hold so much on average.
constexpr std::size_t small_chunks_max = 1024;
constexpr std::size_t chunk_bytes_mean_min = 16;

inline bool is_digits(std::string_view text) {
    return !text.empty() &&
           std::ranges::all_of(text, [](char letter) { return letter >= '0' && letter <= '9'; });
}

class RequestParser : public beast_http::basic_parser<true> {
  public:
    RequestParser(
        Request& request,
        std::size_t header_bytes_max,
        std::size_t header_fields_max,
        std::size_t body_bytes_max
    )
        : request_(request), header_fields_max_(header_fields_max) {
        eager(true);
        header_limit(static_cast<std::uint32_t>(header_bytes_max));
        body_limit(body_bytes_max);
    }

    int hosts() const { return hosts_; }
    int version() const { return version_; }
    bool expects_continue() const { return expects_continue_; }

  private:
    using Error = boost::system::error_code;
    using Text = boost::beast::string_view;

    void on_request_impl(beast_http::verb, Text method, Text target, int version, Error&) override {
        request_.method.assign(method.data(), method.size());
        request_.target.assign(target.data(), target.size());
        version_ = version;
    }

    void on_field_impl(beast_http::field field, Text name, Text value, Error& error) override {
        if (in_trailer_) return;
        if (request_.headers.size() >= header_fields_max_) {
            error = beast_http::error::header_limit;
            return;
        }
        notice(field, view_of(name), view_of(value), error);
        if (error) return;
        request_.headers.add(std::string(view_of(name)), std::string(view_of(value)));
    }

    void notice(
        beast_http::field field, std::string_view name, std::string_view value, Error& error
    ) {
        switch (field) {
            case beast_http::field::host:
                ++hosts_;
                break;
            case beast_http::field::transfer_encoding:
                // Beast takes "gzip" for a request without a body; the next hop may not.
                if (!equal_ignoring_case(value, "chunked")) {
                    error = beast_http::error::bad_transfer_encoding;
                }
                break;
            case beast_http::field::content_length:
                // Nor lists, signs or repetitions, which hops read differently.
                if (std::exchange(has_length_, true) || !is_digits(value)) {
                    error = beast_http::error::bad_content_length;
                }
                break;
            case beast_http::field::expect:
                expects_continue_ = equal_ignoring_case(value, "100-continue");
                break;
            case beast_http::field::accept_encoding:
            case beast_http::field::if_match:
            case beast_http::field::if_none_match:
                request_.noticed.negotiates = true;
                break;
            case beast_http::field::unknown:
                if ((name.size() == 11 && equal_ignoring_case(name, "traceparent")) ||
                    (name.size() == 10 && equal_ignoring_case(name, "tracestate"))) {
                    request_.noticed.traces = true;
                }
                break;
            default:
                break;
        }
    }

    void on_header_impl(Error&) override { in_trailer_ = true; }

    void on_body_init_impl(const boost::optional<std::uint64_t>& content_length, Error&) override {
        if (!content_length) return;
        request_.body.reserve(
            static_cast<std::size_t>(std::min(*content_length, body_bytes_reserved_max))
        );
    }

    std::size_t on_body_impl(Text body, Error&) override {
        request_.body.append(body.data(), body.size());
        return body.size();
    }

    void on_response_impl(int, Text, int, Error&) override {}
    void on_chunk_header_impl(std::uint64_t, Text extensions, Error& error) override {
        extension_bytes_ += extensions.size();
        const auto chunks_max = small_chunks_max + request_.body.size() / chunk_bytes_mean_min;
        if (++chunks_ > chunks_max || extension_bytes_ > chunk_extension_bytes_max) {
            error = beast_http::error::bad_chunk;
        }
    }
    std::size_t on_chunk_body_impl(std::uint64_t, Text body, Error&) override {
        request_.body.append(body.data(), body.size());
        return body.size();
    }
    void on_finish_impl(Error&) override {}

    Request& request_;
    std::size_t header_fields_max_;
    std::size_t chunks_ = 0;
    std::size_t extension_bytes_ = 0;
    bool has_length_ = false;
    int hosts_ = 0;
    int version_ = 11;
    bool expects_continue_ = false;
    bool in_trailer_ = false;
};

class ResponseParser : public beast_http::basic_parser<false> {
  public:
    ResponseParser(Response& response, std::size_t body_bytes_max) : response_(response) {
        eager(true);
        header_limit(std::numeric_limits<std::uint32_t>::max());
        body_limit(body_bytes_max);
    }

  private:
    using Error = boost::system::error_code;
    using Text = boost::beast::string_view;

    void on_response_impl(int status, Text, int, Error&) override { response_.status = status; }

    void on_field_impl(beast_http::field field, Text name, Text value, Error&) override {
        if (in_trailer_) return;
        switch (field) {
            case beast_http::field::content_length:
            case beast_http::field::transfer_encoding:
            case beast_http::field::connection:
            case beast_http::field::keep_alive:
            case beast_http::field::date:
                return;
            default:
                break;
        }
        response_.headers.add(std::string(view_of(name)), std::string(view_of(value)));
    }

    void on_header_impl(Error&) override { in_trailer_ = true; }

    void on_body_init_impl(const boost::optional<std::uint64_t>& content_length, Error&) override {
        if (content_length) response_.body.reserve(static_cast<std::size_t>(*content_length));
    }

    std::size_t on_body_impl(Text body, Error&) override {
        response_.body.append(body.data(), body.size());
        return body.size();
    }

    void on_request_impl(beast_http::verb, Text, Text, int, Error&) override {}
    void on_chunk_header_impl(std::uint64_t, Text, Error&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, Text body, Error&) override {
        response_.body.append(body.data(), body.size());
        return body.size();
    }
    void on_finish_impl(Error&) override {}

    Response& response_;
    bool in_trailer_ = false;
};

}  // namespace http
