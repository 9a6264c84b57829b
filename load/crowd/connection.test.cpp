#include "crowd/connection.hpp"

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

namespace crowd {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;
using Tcp = Connection::Tcp;

/// A server that answers each accepted connection by a script: pieces to send one after the other,
/// each after a request came; then it closes the connection, if told to by resetting it.
class ScriptedServer {
  public:
    struct Script {
        std::vector<std::string> answers;
        bool reset = false;
        bool hold = false;  ///< keep the connection open after the last answer
    };

    ScriptedServer(net::asio::io_context& loop, std::deque<Script> scripts)
        : acceptor_(loop, Tcp::endpoint(net::asio::ip::address_v4::loopback(), 0)),
          scripts_(std::move(scripts)) {
        accept();
    }

    Tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }
    int accepted() const { return accepted_; }

  private:
    struct Session {
        Tcp::socket socket;
        Script script;
        std::size_t answered = 0;
        std::string inbox;
    };

    void accept() {
        acceptor_.async_accept([this](const error_code& error, Tcp::socket socket) {
            if (error) return;
            ++accepted_;
            Script script;
            if (!scripts_.empty()) {
                script = scripts_.front();
                scripts_.pop_front();
            }
            sessions_.push_back(
                std::make_shared<Session>(Session{std::move(socket), std::move(script), 0, {}})
            );
            serve(sessions_.back());
            accept();
        });
    }

    void serve(std::shared_ptr<Session> session) {
        if (session->answered == session->script.answers.size() && !session->script.hold) {
            if (session->script.reset) {
                session->socket.set_option(net::asio::socket_base::linger(true, 0));
            }
            session->socket.close();
            return;
        }
        net::asio::async_read_until(
            session->socket,
            net::asio::dynamic_buffer(session->inbox),
            "\r\n\r\n",
            [this, session](const error_code& error, std::size_t bytes) {
                if (error || session->answered == session->script.answers.size()) return;
                session->inbox.erase(0, bytes);
                net::asio::write(
                    session->socket, net::asio::buffer(session->script.answers[session->answered++])
                );
                serve(session);
            }
        );
    }

    Tcp::acceptor acceptor_;
    std::deque<Script> scripts_;
    std::vector<std::shared_ptr<Session>> sessions_;
    int accepted_ = 0;
};

const std::string good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class ConnectionTest : public testing::Test {
  protected:
    struct Seen {
        Outcome outcome;
        int status = 0;
        std::string body;
    };

    void connect_to(const Tcp::endpoint& peer) {
        connection_ = std::make_unique<Connection>(loop_.get_executor(), peer, 0, on_ended_);
    }

    Seen exchange(milliseconds limit = milliseconds(5000)) {
        seen_.reset();
        connection_->send("POST / HTTP/1.1\r\n\r\n", net::deadline_in(limit));
        while (!seen_) {
            loop_.restart();
            loop_.run_one_for(milliseconds(5));
            connection_->check_deadline(net::SteadyClock::now());
        }
        return *seen_;
    }

    /// Lets the loop work until the connection noticed that it was closed.
    void wait_until_closed() {
        const auto limit = net::deadline_in(milliseconds(5000));
        while (connection_->is_open() && net::SteadyClock::now() < limit) {
            loop_.restart();
            loop_.run_one_for(milliseconds(5));
        }
        ASSERT_FALSE(connection_->is_open());
    }

    net::asio::io_context loop_{1};
    std::optional<Seen> seen_;
    Connection::Ended on_ended_ = [this](Connection&, const Outcome& outcome) {
        Seen seen{outcome, 0, {}};
        if (outcome.response != nullptr) {
            seen.status = outcome.response->status();
            seen.body = outcome.response->body();
        }
        seen_ = seen;
    };
    std::unique_ptr<Connection> connection_;
};

TEST_F(ConnectionTest, keeps_one_connection_for_many_exchanges) {
    ScriptedServer server(loop_, {{.answers = {good, good, good}, .hold = true}});
    connect_to(server.endpoint());
    for (int index = 0; index < 3; ++index) {
        const auto seen = exchange();
        ASSERT_EQ(seen.outcome.end, Outcome::End::answered);
        EXPECT_EQ(seen.status, 200);
        EXPECT_EQ(seen.body, "ok");
        EXPECT_GT(seen.outcome.sent_us, 0);
        EXPECT_GE(seen.outcome.answered_us, seen.outcome.sent_us);
    }
    EXPECT_EQ(server.accepted(), 1);
}

TEST_F(ConnectionTest, connects_again_after_the_server_closed_it) {
    ScriptedServer server(loop_, {{.answers = {good}}, {.answers = {good}}});
    connect_to(server.endpoint());
    EXPECT_EQ(exchange().outcome.end, Outcome::End::answered);
    wait_until_closed();
    EXPECT_EQ(exchange().outcome.end, Outcome::End::answered);
    EXPECT_EQ(server.accepted(), 2);
}

TEST_F(ConnectionTest, tells_a_reset_before_an_answer_from_half_an_answer) {
    ScriptedServer server(
        loop_,
        {{.answers = {""}, .reset = true},
         {.answers = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"}},
         {.answers = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"}, .reset = true},
         {.answers = {"nonsense\r\n\r\n"}, .hold = true},
         {.answers = {good}}}
    );
    connect_to(server.endpoint());
    const auto reset = exchange();
    EXPECT_EQ(reset.outcome.end, Outcome::End::reset);
    EXPECT_GT(reset.outcome.sent_us, 0);
    EXPECT_EQ(reset.outcome.answered_us, 0);
    EXPECT_EQ(exchange().outcome.end, Outcome::End::broken_answer);
    EXPECT_EQ(exchange().outcome.end, Outcome::End::broken_answer);
    EXPECT_EQ(exchange().outcome.end, Outcome::End::broken_answer);
    EXPECT_EQ(exchange().outcome.end, Outcome::End::answered);
}

TEST_F(ConnectionTest, a_kept_connection_that_breaks_is_stale) {
    ScriptedServer server(loop_, {{.answers = {good, ""}, .reset = true}});
    connect_to(server.endpoint());
    EXPECT_EQ(exchange().outcome.end, Outcome::End::answered);
    EXPECT_EQ(exchange().outcome.end, Outcome::End::stale);
}

TEST_F(ConnectionTest, gives_up_at_the_deadline_and_never_reads_the_late_answer) {
    ScriptedServer server(loop_, {{.answers = {}, .hold = true}, {.answers = {good}}});
    connect_to(server.endpoint());
    const auto late = exchange(milliseconds(30));
    EXPECT_EQ(late.outcome.end, Outcome::End::timed_out);
    EXPECT_GT(late.outcome.sent_us, 0);
    EXPECT_EQ(exchange().outcome.end, Outcome::End::answered);
    EXPECT_EQ(server.accepted(), 2);
}

TEST_F(ConnectionTest, an_answer_that_closes_is_followed_by_a_new_connection) {
    const std::string closing = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbye";
    ScriptedServer server(loop_, {{.answers = {closing}}, {.answers = {good}}});
    connect_to(server.endpoint());
    const auto seen = exchange();
    EXPECT_EQ(seen.outcome.end, Outcome::End::answered);
    EXPECT_EQ(seen.body, "bye");
    EXPECT_EQ(exchange().body, "ok");
}

TEST_F(ConnectionTest, waits_for_a_server_that_is_restarting) {
    Tcp::endpoint endpoint;
    {
        Tcp::acceptor probe(loop_, Tcp::endpoint(net::asio::ip::address_v4::loopback(), 0));
        endpoint = probe.local_endpoint();
    }
    connect_to(endpoint);
    const auto refused = exchange(milliseconds(60));
    EXPECT_EQ(refused.outcome.end, Outcome::End::no_connection);
    EXPECT_EQ(refused.outcome.sent_us, 0);
    EXPECT_GT(connection_->connect_failures(), 1U);

    connection_->send("POST / HTTP/1.1\r\n\r\n", net::deadline_in(milliseconds(10000)));
    seen_.reset();
    loop_.restart();
    loop_.run_for(milliseconds(30));
    ASSERT_FALSE(seen_.has_value());
    Tcp::acceptor acceptor(loop_, endpoint);
    Tcp::socket accepted(loop_);
    acceptor.async_accept(accepted, [&](const error_code& error) {
        if (!error) net::asio::write(accepted, net::asio::buffer(good));
    });
    while (!seen_) {
        loop_.run_one_for(milliseconds(5));
        loop_.restart();
        connection_->check_deadline(net::SteadyClock::now());
    }
    EXPECT_EQ(seen_->outcome.end, Outcome::End::answered);
}

}  // namespace
}  // namespace crowd
