#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace http {

/// Where a request stands in a distributed trace: W3C Trace Context, level 1. A plain value, made
/// or read by the server for each request and handed to what is asked on its behalf
/// (OutgoingRequest::trace). This shop records no spans itself: it passes the caller's trace on,
/// each hop with a span id of its own, and writes the trace id into its logs.
class TraceContext {
  public:
    /// A new trace, from a fast generator; not sampled, as nobody records it.
    static TraceContext make();
    /// Reads a `traceparent`; nullopt if it is not valid, and the trace then starts anew.
    static std::optional<TraceContext> parse(std::string_view traceparent);

    /// 32 lower-case hex digits.
    std::string_view trace_id() const { return {trace_id_.data(), trace_id_.size()}; }
    /// Appends the `traceparent` for the next hop, with a new span id each time.
    void append_next_hop(std::string& out) const;

  private:
    std::array<char, 32> trace_id_{};
    bool is_sampled_ = false;
};

}  // namespace http
