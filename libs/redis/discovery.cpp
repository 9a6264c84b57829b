#include "redis/discovery.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace redis {

namespace {

/// Sentinels agree when so many name the same address; the others need not be asked.
constexpr std::size_t votes_enough = 2;
constexpr std::size_t sentinel_commands_max = 16;

net::awaitable<void> authenticate(
    std::shared_ptr<Connection> connection, std::string password, net::Deadline deadline
) {
    if (password.empty()) co_return;
    Command command{"AUTH", std::move(password)};
    const Reply reply = co_await connection->exec(std::move(command), deadline);
    if (reply.is_error()) {
        throw Error(connection->address().to_string() + ": " + reply.text, Error::Effect::none);
    }
}

net::awaitable<void> require_master(
    std::shared_ptr<Connection> connection, net::Deadline deadline
) {
    Command command{"ROLE"};
    const Reply reply = co_await connection->exec(std::move(command), deadline);
    std::string found = reply.text;
    if (reply.kind == Reply::Kind::array && !reply.elements.empty()) found = reply.elements[0].text;
    if (found != "master") {
        const std::string who = connection->address().to_string();
        throw Error(who + " is not a master: " + found, Error::Effect::none);
    }
}

/// Closes the connection of a handshake that did not come to its end.
struct CloseUnlessKept {
    std::shared_ptr<Connection> connection;

    ~CloseUnlessKept() {
        if (connection) connection->close("the handshake failed");
    }
};

}  // namespace

Discovery::Discovery(net::Executor executor, const Settings& settings)
    : executor_(std::move(executor)), settings_(settings) {
    for (const Address& address : settings_.sentinels) {
        sentinels_.push_back(std::make_shared<Sentinel>(Sentinel{address, nullptr}));
    }
}

void Discovery::close() {
    for (const auto& sentinel : sentinels_) {
        if (sentinel->connection) sentinel->connection->close("the client was stopped");
    }
}

net::awaitable<std::shared_ptr<Connection>> Discovery::connect_to_master() {
    failure_ = sentinels_.empty() && !settings_.fallback ? "no address given" : "";
    const auto asked = sentinels_;
    const std::size_t enough = std::min(votes_enough, asked.size());
    std::vector<Candidate> candidates;
    std::shared_ptr<Connection> found;
    for (const auto& sentinel : asked) {
        const std::optional<Address> named = co_await ask(sentinel);
        if (!named) continue;
        Candidate& candidate = vote(candidates, *named, sentinel);
        if (candidate.tried || candidate.votes < enough) continue;
        found = co_await try_candidate(candidate);
        if (found) co_return found;
    }

    std::ranges::stable_sort(candidates, std::ranges::greater(), &Candidate::votes);
    for (Candidate& candidate : candidates) {
        if (candidate.tried) continue;
        found = co_await try_candidate(candidate);
        if (found) co_return found;
    }
    if (candidates.empty() && settings_.fallback) {
        found = co_await try_master(*settings_.fallback);
        if (found) co_return found;
    }
    throw Error("no usable master: " + failure_, Error::Effect::none);
}

net::awaitable<std::shared_ptr<Connection>> Discovery::find_successor(Address current) {
    const auto asked = sentinels_;
    std::vector<Candidate> candidates;
    bool disputed = false;
    for (const auto& sentinel : asked) {
        const std::optional<Address> named = co_await ask(sentinel);
        if (!named) continue;
        vote(candidates, *named, sentinel);
        if (*named != current) {
            disputed = true;
        } else if (!disputed) {
            ask_first_next_time(sentinel);
            co_return nullptr;
        }
    }
    if (!disputed) co_return nullptr;

    std::ranges::stable_sort(candidates, std::ranges::greater(), &Candidate::votes);
    Candidate& first = candidates.front();
    const bool tie = candidates.size() > 1 && candidates[1].votes == first.votes;
    if (first.address == current || tie) co_return nullptr;
    co_return co_await try_candidate(first);
}

net::awaitable<std::optional<Address>> Discovery::ask(std::shared_ptr<Sentinel> sentinel) {
    const auto until = net::deadline_in(std::chrono::milliseconds(settings_.sentinel_timeout_ms));
    try {
        if (!sentinel->connection || !sentinel->connection->is_open()) {
            co_await connect_sentinel(sentinel, until);
        }
        Command command{"SENTINEL", "get-master-addr-by-name", settings_.master_name};
        const Reply reply = co_await sentinel->connection->exec(std::move(command), until);
        if (reply.kind == Reply::Kind::array && reply.elements.size() == 2) {
            const std::string port = ":" + reply.elements[1].text;
            const std::string& host = reply.elements[0].text;
            const bool is_ipv6 = host.find(':') != std::string::npos;
            const auto address = Address::parse((is_ipv6 ? "[" + host + "]" : host) + port);
            if (address) co_return address;
        }
        const std::string what = reply.is_error() ? reply.text : "knows no such master";
        failure_ = "sentinel " + sentinel->address.to_string() + ": " + what;
    } catch (const Error& error) {
        failure_ = error.what();
    }
    co_return std::nullopt;
}

net::awaitable<void> Discovery::connect_sentinel(
    std::shared_ptr<Sentinel> sentinel, net::Deadline until
) {
    std::shared_ptr<Connection> opened =
        co_await Connection::open(executor_, sentinel->address, sentinel_commands_max, until);
    CloseUnlessKept guard{std::move(opened)};
    co_await authenticate(guard.connection, settings_.sentinel_password, until);
    sentinel->connection = std::exchange(guard.connection, nullptr);
}

/// nullptr, with the reason in `failure_`, if there is no master.
net::awaitable<std::shared_ptr<Connection>> Discovery::try_master(Address address) {
    const auto until = net::deadline_in(std::chrono::milliseconds(settings_.connect_timeout_ms));
    try {
        std::shared_ptr<Connection> opened =
            co_await Connection::open(executor_, address, settings_.waiting_max, until);
        CloseUnlessKept guard{std::move(opened)};
        co_await authenticate(guard.connection, settings_.password, until);
        co_await require_master(guard.connection, until);
        co_return std::exchange(guard.connection, nullptr);
    } catch (const Error& error) {
        failure_ = error.what();
    }
    co_return nullptr;
}

net::awaitable<std::shared_ptr<Connection>> Discovery::try_candidate(Candidate& candidate) {
    candidate.tried = true;
    std::shared_ptr<Connection> found = co_await try_master(candidate.address);
    if (found) ask_first_next_time(candidate.named_by);
    co_return found;
}

Discovery::Candidate& Discovery::vote(
    std::vector<Candidate>& candidates,
    const Address& address,
    const std::shared_ptr<Sentinel>& sentinel
) {
    auto found = std::ranges::find(candidates, address, &Candidate::address);
    if (found == candidates.end()) {
        found = candidates.insert(candidates.end(), Candidate{address, sentinel});
    }
    ++found->votes;
    return *found;
}

void Discovery::ask_first_next_time(const std::shared_ptr<Sentinel>& sentinel) {
    const auto found = std::ranges::find(sentinels_, sentinel);
    std::rotate(sentinels_.begin(), found, found + 1);
}

}  // namespace redis
