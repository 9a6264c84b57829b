#include "service/run.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "net/event.hpp"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

net::awaitable<http::Response> greet(http::Request&) {
    co_await net::sleep_for(std::chrono::milliseconds(100));
    co_return http::Response{200, {}, "hello"};
}

/// As a connection that is lent to a coroutine: given back, and counted, in its end.
struct Lent {
    prometheus::Gauge& lent;
    explicit Lent(prometheus::Gauge& gauge) : lent(gauge) { lent.Increment(); }
    ~Lent() {
        // Read here too: the metrics' library itself is not built with the address sanitizer.
        [[maybe_unused]] const auto seen = *reinterpret_cast<const volatile char*>(&lent);
        lent.Decrement();
    }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;
};

net::awaitable<void> work_for_ever(prometheus::Gauge& gauge) {
    const Lent lent(gauge);
    for (;;) co_await net::sleep_for(std::chrono::hours(1));
}

class Greeter : public service::App {
  public:
    Greeter(service::Context& context, std::string not_ready)
        : context_(context), not_ready_(std::move(not_ready)) {
        router_.add("GET", "/hello", greet);
    }
    const http::Router& router() const override { return router_; }
    void start() override {
        auto& gauge = context_.metrics.gauge("greeter_lent", "What is lent to coroutines");
        asio::co_spawn(context_.executor, work_for_ever(gauge), asio::detached);
    }
    std::string not_ready_because() const override { return not_ready_; }

  private:
    service::Context& context_;
    http::Router router_;
    std::string not_ready_;
};

std::unique_ptr<service::App> make(base::Environment& environment, service::Context* context) {
    const auto not_ready = environment.text_or("NOT_READY", "", "why this room is not ready");
    environment.integer_or("APPLES", 3, 0, 10, "apples in stock");
    if (!context) return nullptr;
    return std::make_unique<Greeter>(*context, not_ready);
}

int run_with(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "greeter");
    std::vector<char*> pointers;
    for (auto& argument : arguments) pointers.push_back(argument.data());
    return service::run(
        static_cast<int>(pointers.size()), pointers.data(), "greeter", make, "It greets."
    );
}

std::uint16_t free_port() {
    asio::io_context loop;
    tcp::acceptor acceptor(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    return acceptor.local_endpoint().port();
}

/// A room in a process of its own.
class Child {
  public:
    explicit Child(const std::string& not_ready = {})
        : port_(free_port()), health_port_(free_port()) {
        pid_ = ::fork();
        if (pid_ == 0) {
            ::setenv("LISTEN_ADDRESS", "127.0.0.1", 1);
            ::setenv("LISTEN_PORT", std::to_string(port_).c_str(), 1);
            ::setenv("HEALTH_PORT", std::to_string(health_port_).c_str(), 1);
            ::setenv("NOT_READY", not_ready.c_str(), 1);
            ::_exit(run_with({}));
        }
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (ask(health_port_, "/livez").empty() && std::chrono::steady_clock::now() < end) {
            std::this_thread::yield();
        }
    }
    ~Child() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }

    tcp::socket send(std::uint16_t port, const std::string& path) {
        tcp::socket socket(loop_);
        socket.connect({asio::ip::address_v4::loopback(), port});
        asio::write(
            socket,
            asio::buffer("GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        );
        return socket;
    }

    static std::string receive(tcp::socket& socket) {
        std::string text;
        std::array<char, 4096> bytes;
        boost::system::error_code error;
        while (!error) text.append(bytes.data(), socket.read_some(asio::buffer(bytes), error));
        return text;
    }

    std::string ask(std::uint16_t port, const std::string& path) {
        try {
            auto socket = send(port, path);
            return receive(socket);
        } catch (const boost::system::system_error&) {
            return {};
        }
    }

    void terminate() { ::kill(pid_, SIGTERM); }

    int exit_code() {
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    std::uint16_t port() const { return port_; }
    std::uint16_t health_port() const { return health_port_; }

  private:
    asio::io_context loop_;
    std::uint16_t port_;
    std::uint16_t health_port_;
    pid_t pid_ = -1;
};

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

TEST(Run, HelpTeaches) {
    testing::internal::CaptureStdout();
    EXPECT_EQ(run_with({"--help"}), 0);
    const auto help = testing::internal::GetCapturedStdout();
    for (const auto* expected : {"It greets.", "APPLES", "LISTEN_PORT", "8080", "Example:"}) {
        EXPECT_TRUE(has(help, expected)) << expected << " in:\n" << help;
    }
}

TEST(Run, SaysItsVersion) {
    testing::internal::CaptureStdout();
    EXPECT_EQ(run_with({"--version"}), 0);
    EXPECT_TRUE(testing::internal::GetCapturedStdout().starts_with("greeter "));
}

TEST(Run, ReportsAllProblemsAtOnce) {
    ::setenv("APPLES", "eleven", 1);
    ::setenv("LISTEN_PORT", "99999", 1);
    testing::internal::CaptureStderr();
    const int code = run_with({});
    const auto problems = testing::internal::GetCapturedStderr();
    ::unsetenv("APPLES");
    ::unsetenv("LISTEN_PORT");
    EXPECT_EQ(code, 2);
    EXPECT_TRUE(has(problems, "APPLES") && has(problems, "LISTEN_PORT")) << problems;
}

TEST(Run, RefusesUnknownArguments) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(run_with({"--hlep"}), 2);
    EXPECT_TRUE(has(testing::internal::GetCapturedStderr(), "--help"));
}

TEST(Run, ServesAndAnswersProbes) {
    Child child;
    EXPECT_TRUE(has(child.ask(child.port(), "/hello"), "\r\n\r\nhello"));
    EXPECT_TRUE(child.ask(child.health_port(), "/readyz").starts_with("HTTP/1.1 200"));
    const auto metrics = child.ask(child.health_port(), "/metrics");
    EXPECT_TRUE(has(metrics, "doorbuster_http_requests_total")) << metrics;
    EXPECT_TRUE(child.ask(child.port(), "/metrics").starts_with("HTTP/1.1 404"));
    child.terminate();
    EXPECT_EQ(child.exit_code(), 0);
}

TEST(Run, SaysWhyItIsNotReady) {
    Child child("schema is at 2, 3 is needed");
    const auto answer = child.ask(child.health_port(), "/readyz");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 503")) << answer;
    EXPECT_TRUE(has(answer, "schema is at 2")) << answer;
}

TEST(Run, AnswersWhatIsUnderWayBeforeItEnds) {
    Child child;
    auto socket = child.send(child.port(), "/hello");
    // Metrics are asked for on another connection of the same loop: answered means accepted.
    while (!has(
        child.ask(child.health_port(), "/metrics"),
        "doorbuster_http_connections{server=\"public\"} 1"
    )) {
    }
    child.terminate();
    EXPECT_TRUE(has(Child::receive(socket), "hello"));
    EXPECT_EQ(child.exit_code(), 0);
}

TEST(Run, FailsWhenItsPortIsTaken) {
    asio::io_context loop;
    tcp::acceptor taken(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    ::setenv("LISTEN_ADDRESS", "127.0.0.1", 1);
    ::setenv("LISTEN_PORT", std::to_string(taken.local_endpoint().port()).c_str(), 1);
    ::setenv("HEALTH_PORT", "0", 1);
    testing::internal::CaptureStderr();
    const int code = run_with({});
    const auto said = testing::internal::GetCapturedStderr();
    for (const auto* name : {"LISTEN_ADDRESS", "LISTEN_PORT", "HEALTH_PORT"}) ::unsetenv(name);
    EXPECT_EQ(code, 1);
    EXPECT_TRUE(has(said, "cannot listen on 127.0.0.1:")) << said;
}

}  // namespace
