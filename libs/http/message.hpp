#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/uuid.hpp"
#include "http/trace_context.hpp"
#include "net/net.hpp"

namespace http {

/// Header fields in the order they came; names compare without regard to case.
class Headers {
  public:
    using Field = std::pair<std::string, std::string>;

    void add(std::string name, std::string value);
    /// Replaces all fields of that name.
    void set(std::string name, std::string value);
    void erase(std::string_view name);
    /// The first field of that name.
    std::optional<std::string_view> get(std::string_view name) const;
    std::size_t count(std::string_view name) const;
    /// Drops every field for which `unwanted(name, value)` is true.
    template <class Predicate>
    void erase_if(Predicate unwanted) {
        std::erase_if(fields_, [&](const Field& field) {
            return unwanted(std::string_view(field.first), std::string_view(field.second));
        });
    }
    void clear() { fields_.clear(); }
    void reserve(std::size_t fields) { fields_.reserve(fields); }

    auto begin() { return fields_.begin(); }
    auto end() { return fields_.end(); }
    auto begin() const { return fields_.begin(); }
    auto end() const { return fields_.end(); }
    std::size_t size() const { return fields_.size(); }

  private:
    std::vector<Field> fields_;
};

/// What becomes known of a request while it is served, for the access log alone.
struct RequestNotes {
    std::optional<base::Uuid> account_id;
    std::string client_address;  ///< before trusted proxies; empty: the peer's
    std::string upstream;        ///< the pod asked last, host:port
    int upstream_requests = 0;   ///< sent on its behalf; more than one are retries
    bool is_cut_short = false;   ///< unanswered when a time below hurried_time was over: no error
};

/// Headers that the parser saw, so that nobody looks for those that most requests don't have.
struct NoticedHeaders {
    bool negotiates = false;  ///< Accept-Encoding, If-Match or If-None-Match
    bool traces = false;      ///< traceparent or tracestate
};

/// A request as a handler sees it. Owned by the connection until the handler returned.
struct Request {
    std::string method;  ///< upper case: "GET"
    std::string target;  ///< as received: "/api/v1/products?limit=20"
    std::string path;    ///< percent-decoded, without the query; "." and ".." were refused
    std::string query;   ///< raw, without '?'
    Headers headers;
    std::string body;
    std::string remote_address;  ///< numeric address of the peer
    std::string request_id;      ///< from X-Request-Id if well-formed, else made by the server
    /// When the caller stops waiting: from X-Deadline-Ms (remaining milliseconds, at most the
    /// server's request_timeout), else the server's request_timeout.
    net::Deadline deadline{};
    /// What X-Deadline-Ms said, if that is less than the server gives by itself: below hurried_time
    /// the caller has nobody to blame for an answer that is late.
    std::optional<std::chrono::milliseconds> own_time;
    std::vector<std::pair<std::string, std::string>> path_parameters;  ///< filled by Router
    /// The pattern and method of the route that matched, empty if none did; set by Router and
    /// valid as long as it is. Bounded labels for metrics.
    std::string_view route_pattern;
    std::string_view route_method;
    /// The caller's trace, or a new one; for OutgoingRequest::trace.
    TraceContext trace;
    NoticedHeaders noticed;
    /// Whoever learns something writes it down: no answer depends on it.
    mutable RequestNotes notes;

    /// "" if the route has no such parameter.
    std::string_view path_parameter(std::string_view name) const;
    /// Percent-decoded value of the first such query parameter.
    std::optional<std::string> query_parameter(std::string_view name) const;
};

struct Response {
    int status = 200;
    Headers headers = {};  ///< without Content-Length, Connection, Date: the server writes those
    std::string body = {};
};

Response json_response(int status, std::string body);

/// Of texts of one length.
bool same_letters_ignoring_case(std::string_view left, std::string_view right);

/// ASCII only, as field names are. Most names that are compared differ in length already.
inline bool equal_ignoring_case(std::string_view left, std::string_view right) {
    return left.size() == right.size() && same_letters_ignoring_case(left, right);
}

}  // namespace http
