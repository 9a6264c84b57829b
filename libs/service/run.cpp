#include "service/run.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <malloc.h>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "http/access_log.hpp"
#include "http/server.hpp"
#include "logging/logging.hpp"
#include "net/event.hpp"
#include "service/settings.hpp"

namespace service {

namespace {

constexpr int exit_configuration = 2;
constexpr int exit_failed = 1;
constexpr int exit_second_signal = 130;
constexpr std::size_t health_connections_max = 64;
constexpr std::int64_t health_timeout_ms = 5000;

/// All a room's process consists of. Members are destroyed from the last to the first: servers
/// before the app they serve, everything before the loop.
class Process {
  public:
    Process(std::string_view name, const Settings& settings)
        : name_(name), settings_(settings), signals_(loop_, SIGTERM, SIGINT) {}

    /// False if the configuration turned out wrong; the problems are in `environment`.
    bool make(const Maker& maker, base::Environment& environment);
    int live();

  private:
    void listen();
    static net::awaitable<void> supervise(Process& self);
    net::awaitable<http::Response> ready();
    net::awaitable<http::Response> live_probe();
    net::awaitable<http::Response> metrics_text();
    void end_at_second_signal();
    void end_if_stopping_hangs();

    std::string name_;
    Settings settings_;
    metrics::Registry metrics_;  // counted in by coroutines that the loop takes along
    net::asio::io_context loop_{1};
    Context context_{loop_.get_executor(), metrics_};
    net::asio::signal_set signals_;
    net::asio::steady_timer stop_timer_{loop_};
    bool stopping_ = false;
    int exit_code_ = 0;
    std::unique_ptr<App> app_;
    http::Router health_router_;
    std::unique_ptr<http::AccessLog> access_log_;
    std::unique_ptr<http::Server> server_;
    std::unique_ptr<http::Server> health_;
};

bool Process::make(const Maker& maker, base::Environment& environment) {
    app_ = maker(environment, &context_);
    return environment.problems().empty() && app_ != nullptr;
}

void Process::listen() {
    health_router_.add("GET", "/livez", [this](http::Request&) { return live_probe(); });
    health_router_.add("GET", "/readyz", [this](http::Request&) { return ready(); });
    health_router_.add("GET", "/metrics", [this](http::Request&) { return metrics_text(); });
    http::ServerLimits health_limits;
    health_limits.connections_max = health_connections_max;
    health_limits.idle_timeout_ms = health_timeout_ms * 6;
    health_limits.drain_timeout_ms = health_timeout_ms;
    const auto executor = loop_.get_executor();
    access_log_ = std::make_unique<http::AccessLog>(
        executor, name_, settings_.access_log, metrics_, STDOUT_FILENO
    );
    server_ = std::make_unique<http::Server>(
        executor, settings_.limits, app_->router(), &metrics_, "public", access_log_.get()
    );
    health_ =
        std::make_unique<http::Server>(executor, health_limits, health_router_, nullptr, "health");
    health_->listen(settings_.listen_address, settings_.health_port);
    server_->listen(settings_.listen_address, settings_.listen_port);
}

net::awaitable<http::Response> Process::live_probe() {
    co_return http::Response{200, {}, "alive\n"};
}

net::awaitable<http::Response> Process::ready() {
    std::string reason = stopping_ ? "stopping" : app_->not_ready_because();
    if (reason.empty()) co_return http::Response{200, {}, "ready\n"};
    co_return http::Response{503, {}, reason + "\n"};
}

net::awaitable<http::Response> Process::metrics_text() {
    http::Response response{200, {}, metrics_.text()};
    response.headers.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    co_return response;
}

int Process::live() {
    listen();
    app_->start();
    std::exception_ptr failure;
    net::asio::co_spawn(loop_, supervise(*this), [&](std::exception_ptr error) {
        failure = error;
        loop_.stop();
    });
    logging::info(
        "serving",
        {{"address", settings_.listen_address},
         {"port", server_->port()},
         {"health_port", health_->port()}}
    );
    loop_.run();
    if (failure) std::rethrow_exception(failure);
    return exit_code_;
}

net::awaitable<void> Process::supervise(Process& self) {
    constexpr auto as_result = net::asio::as_tuple(net::asio::use_awaitable);
    const auto [error, signal] = co_await self.signals_.async_wait(as_result);
    logging::info("stopping", {{"signal", signal}});
    self.stopping_ = true;
    self.end_at_second_signal();
    self.server_->close_after_responses();
    if (self.settings_.drain_delay_ms > 0) {
        co_await net::sleep_for(std::chrono::milliseconds(self.settings_.drain_delay_ms));
    }
    co_await self.server_->drain();
    self.end_if_stopping_hangs();
    co_await self.app_->stop();
    self.stop_timer_.cancel();
    logging::info("stopped");
}

void Process::end_at_second_signal() {
    signals_.async_wait([](const boost::system::error_code& error, int) {
        if (!error) std::_Exit(exit_second_signal);
    });
}

void Process::end_if_stopping_hangs() {
    stop_timer_.expires_after(std::chrono::milliseconds(settings_.limits.drain_timeout_ms));
    stop_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        logging::error("what others wait for was not given back in time");
        exit_code_ = exit_failed;
        loop_.stop();
    });
}

void print_help(
    std::string_view name, std::string_view purpose, const base::Environment& environment
) {
    fmt::print("{}: a room of Doorbuster, a shop for flash sales.\n", name);
    if (!purpose.empty()) fmt::print("{}\n", purpose);
    fmt::print(
        "\nIt is configured by environment variables alone. NAME_FILE instead of NAME reads the\n"
        "value from a file (mounted secrets). SIGTERM drains and ends it; a second one at once.\n"
        "Probes and metrics: /livez, /readyz, /metrics on HEALTH_PORT.\n\n{}\n"
        "Example:\n  LISTEN_ADDRESS=127.0.0.1 LISTEN_PORT=8081 HEALTH_PORT=9081 {}\n",
        environment.describe(),
        name
    );
}

int report_problems(std::string_view name, const base::Environment& environment) {
    fmt::print(stderr, "{} can't start: its configuration has problems.\n", name);
    for (const auto& problem : environment.problems()) fmt::print(stderr, "  {}\n", problem);
    fmt::print(stderr, "`{} --help` lists all variables.\n", name);
    return exit_configuration;
}

void prepare_process() {
    // One thread does all the work: further malloc arenas would only cost memory.
    ::mallopt(M_ARENA_MAX, 1);
    // A peer that is gone is an error code of the write, not the end of the shop.
    std::signal(SIGPIPE, SIG_IGN);
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
}

}  // namespace

int run(
    int argc, char** argv, std::string_view name, const Maker& maker, std::string_view purpose
) {
    base::Environment environment;
    const Settings settings = Settings::read(environment);
    const std::string_view argument = argc > 1 ? argv[1] : "";
    if (argument == "--version") {
        fmt::print("{} {}\n", name, DOORBUSTER_VERSION);
        return 0;
    }
    maker(environment, nullptr);
    if (argument == "--help" || argument == "-h") {
        print_help(name, purpose, environment);
        return 0;
    }
    if (argc > 1) {
        fmt::print(stderr, "{}: unknown argument {}; try --help\n", name, argument);
        return exit_configuration;
    }
    if (!environment.problems().empty()) return report_problems(name, environment);
    logging::configure(name, settings.log_level);
    try {
        prepare_process();
        Process process(name, settings);
        base::Environment making;
        if (!process.make(maker, making)) return report_problems(name, making);
        return process.live();
    } catch (const std::exception& error) {
        logging::error("cannot go on", {{"error", error.what()}});
        return exit_failed;
    }
}

}  // namespace service
