#include "http/access_log.hpp"

#include <algorithm>
#include <poll.h>
#include <unistd.h>

#include "base/encoding.hpp"
#include "base/timestamp.hpp"
#include "http/write_message.hpp"

namespace http {

namespace {

constexpr std::chrono::milliseconds flush_interval(100);
constexpr std::size_t flush_bytes = 32 * 1024;
constexpr std::size_t waiting_bytes_max = 1024 * 1024;
/// A pipe that polls writable takes so much without blocking (POSIX: PIPE_BUF is at least 512, on
/// Linux 4096), and whole, so that lines of two writers don't mix.
constexpr std::size_t piece_bytes = 4096;
constexpr std::size_t method_bytes_max = 32;

void append_text(std::string& out, std::string_view name, std::string_view text) {
    out.append(",\"").append(name).append("\":");
    base::append_json_string(out, text);
}

void append_count(std::string& out, std::string_view name, std::size_t number) {
    out.append(",\"").append(name).append("\":");
    append_number(out, number);
}

}  // namespace

struct AccessLog::State {
    State(
        const net::Executor& executor,
        const std::string& service,
        AccessLogSettings with,
        metrics::Registry& metrics,
        int to
    );

    bool wants(const Request& request, int status);
    bool is_too_often();
    void append(
        const Request& request, int status, std::size_t body_bytes, std::int64_t duration_us
    );
    void flush();
    static void flush_later(const std::shared_ptr<State>& state);

    net::asio::steady_timer timer;
    AccessLogSettings settings;
    std::string service_json;
    int descriptor;
    std::string waiting;
    bool is_timed = false;
    std::int64_t until_sample = 0;
    net::Deadline line_due{};  ///< of lines_per_s_max; up to a second behind the clock
    prometheus::Counter& written_lines;
    prometheus::Counter& dropped_lines;
};

AccessLog::State::State(
    const net::Executor& executor,
    const std::string& service,
    AccessLogSettings with,
    metrics::Registry& metrics,
    int to
)
    : timer(executor),
      settings(with),
      descriptor(to),
      written_lines(metrics.counter(
          "doorbuster_access_log_lines_total", "Of the access log.", {{"outcome", "written"}}
      )),
      dropped_lines(metrics.counter(
          "doorbuster_access_log_lines_total", "Of the access log.", {{"outcome", "dropped"}}
      )) {
    base::append_json_string(service_json, service);
}

bool AccessLog::State::wants(const Request& request, int status) {
    const bool is_error = status >= 500 && !request.notes.is_cut_short;
    switch (settings.mode) {
        case AccessLogMode::off:
            return false;
        case AccessLogMode::on:
            return true;
        case AccessLogMode::errors:
            return is_error;
        case AccessLogMode::sampled:
            if (is_error) return true;
            if (until_sample-- > 0) return false;
            until_sample = settings.sample_every - 1;
            return true;
    }
    return false;
}

/// A token bucket of one second's lines (the generic cell rate algorithm, ITU-T I.371).
bool AccessLog::State::is_too_often() {
    using std::chrono::seconds;
    if (settings.mode == AccessLogMode::on) return false;
    const auto now = net::SteadyClock::now();
    const auto gap = net::SteadyClock::duration(seconds(1)) / settings.lines_per_s_max;
    const auto due = std::max(line_due, now - seconds(1)) + gap;
    if (due > now) return true;
    line_due = due;
    return false;
}

void AccessLog::State::append(
    const Request& request, int status, std::size_t body_bytes, std::int64_t duration_us
) {
    std::string& out = waiting;
    out.append("{\"time\":\"").append(base::format_timestamp(base::unix_now_ms()));
    out.append("\",\"level\":\"info\",\"service\":").append(service_json);
    out.append(",\"message\":\"request\"");
    append_text(out, "method", std::string_view(request.method).substr(0, method_bytes_max));
    append_text(out, "route", request.route_pattern);
    append_count(out, "status", static_cast<std::size_t>(status));
    append_count(out, "bytes", body_bytes);
    append_count(out, "duration_us", static_cast<std::size_t>(duration_us));
    append_text(out, "request_id", request.request_id);
    append_text(out, "trace_id", request.trace.trace_id());
    const RequestNotes& notes = request.notes;
    append_text(
        out, "client", notes.client_address.empty() ? request.remote_address : notes.client_address
    );
    if (notes.account_id) append_text(out, "account_id", notes.account_id->to_string());
    if (notes.is_cut_short) out.append(",\"cut_short\":true");
    if (!notes.upstream.empty()) {
        append_text(out, "upstream", notes.upstream);
        append_count(out, "retries", static_cast<std::size_t>(notes.upstream_requests - 1));
    }
    out.append("}\n");
}

void AccessLog::State::flush() {
    std::string_view rest = waiting;
    while (!rest.empty()) {
        pollfd ready{descriptor, POLLOUT, 0};
        if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) break;
        std::string_view piece = rest.substr(0, piece_bytes);
        if (piece.size() < rest.size()) {
            const auto end = piece.rfind('\n');
            if (end != std::string_view::npos) piece = piece.substr(0, end + 1);
        }
        const auto bytes = ::write(descriptor, piece.data(), piece.size());
        if (bytes <= 0) break;
        const auto sent = piece.substr(0, static_cast<std::size_t>(bytes));
        written_lines.Increment(static_cast<double>(std::ranges::count(sent, '\n')));
        rest.remove_prefix(sent.size());
    }
    waiting.erase(0, waiting.size() - rest.size());
}

void AccessLog::State::flush_later(const std::shared_ptr<State>& state) {
    if (state->is_timed) return;
    state->is_timed = true;
    state->timer.expires_after(flush_interval);
    state->timer.async_wait([weak = std::weak_ptr(state)](boost::system::error_code error) {
        const auto woken = weak.lock();
        if (error || !woken) return;
        woken->is_timed = false;
        woken->flush();
        if (!woken->waiting.empty()) flush_later(woken);
    });
}

AccessLog::AccessLog(
    net::Executor executor,
    std::string service,
    AccessLogSettings settings,
    metrics::Registry& metrics,
    int descriptor
)
    : state_(std::make_shared<State>(executor, service, settings, metrics, descriptor)) {}

AccessLog::~AccessLog() {
    state_->timer.cancel();
    state_->flush();
}

void AccessLog::add(
    const Request& request, int status, std::size_t body_bytes, std::int64_t duration_us
) {
    if (!state_->wants(request, status)) return;
    if (state_->waiting.size() >= waiting_bytes_max || state_->is_too_often()) {
        state_->dropped_lines.Increment();
        return;
    }
    state_->append(request, status, body_bytes, duration_us);
    if (state_->waiting.size() >= flush_bytes) state_->flush();
    State::flush_later(state_);
}

void AccessLog::flush() {
    state_->flush();
}

}  // namespace http
