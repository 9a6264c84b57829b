#include "cli/keys/rotation.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sys/file.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/private_file.hpp"
#include "cli/shop_client.hpp"
#include "net/event.hpp"
#include "token/access_token.hpp"

namespace cli::keys {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds poll_every{250};
constexpr milliseconds answer_time{3000};
/// Clocks of pods may differ by so much beyond what verifiers allow for.
constexpr seconds spare_time{10};
constexpr const char* keys_path = "/.well-known/jwks.json";

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::string> kids_of(const std::string& path) {
    std::vector<std::string> kids;
    const std::string pem = read_file(path);
    if (pem.empty()) return kids;
    try {
        for (const auto& key : token::SigningKey::all_from_pem(pem)) kids.push_back(key.kid());
    } catch (const std::runtime_error& error) {
        throw Failure(fmt::format("{}: {}", path, error.what()));
    }
    return kids;
}

std::vector<std::string> kids_of(const http::Origin& pod, const http::Response& answer) {
    const auto document = json::parse(answer.body);
    if (answer.status != 200 || !document) {
        throw Failure(fmt::format("auth at {} answers {} ", pod.to_string(), answer.status));
    }
    std::vector<std::string> kids;
    const auto& keys = member(*document, "keys");
    if (!keys.is_array()) throw Failure("auth at " + pod.to_string() + " answers something else");
    for (const auto& key : keys.get_array()) kids.push_back(text_member(key, "kid"));
    return kids;
}

std::function<bool(const std::vector<std::string>&)> signs_with(const std::string& kid) {
    return [kid](const std::vector<std::string>& kids) {
        return !kids.empty() && kids.front() == kid;
    };
}

/// Two changes at once would retire each other's keys. Held until the process ends.
void lock_folder_of(const std::string& path) {
    const auto folder = std::filesystem::absolute(path).parent_path();
    const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (handle < 0) {
        throw Failure(fmt::format("can't open {}: {}", folder.string(), std::strerror(errno)));
    }
    if (::flock(handle, LOCK_EX | LOCK_NB) != 0) {
        throw Failure("another command changes the keys in " + folder.string() + " right now");
    }
}

void say(const std::string& text) {
    std::cout << text << std::endl;
}

}  // namespace

Rotation::Rotation(net::Executor executor, RotationSettings settings)
    : settings_(std::move(settings)) {
    http::ClientLimits limits;
    limits.connections_max = 1;
    for (const auto& pod : settings_.auth) {
        pods_.push_back(std::make_unique<http::Client>(executor, pod, limits));
    }
}

KeyPair Rotation::files() const {
    const auto signing = kids_of(settings_.signing_path);
    if (signing.size() != 1) {
        throw Failure(settings_.signing_path + " should hold exactly one private key");
    }
    return {signing.front(), kids_of(settings_.other_path)};
}

net::awaitable<std::vector<Published>> Rotation::published() {
    std::vector<Published> found;
    for (std::size_t index = 0; index < pods_.size(); ++index) {
        const http::Origin& pod = settings_.auth[index];
        http::OutgoingRequest request;
        request.target = keys_path;
        http::Response answer;
        try {
            answer = co_await pods_[index]->send(request, net::deadline_in(answer_time));
        } catch (const base::NeighbourError& error) {
            throw Failure(fmt::format("auth at {}: {}", pod.to_string(), error.what()));
        }
        found.push_back({pod, kids_of(pod, answer)});
    }
    co_return found;
}

net::awaitable<void> Rotation::run() {
    lock_folder_of(settings_.signing_path);
    const KeyPair begun = files();
    // Before anything is changed: are these the files of those pods?
    co_await wait_for_pods(signs_with(begun.signing), "signs with " + settings_.signing_path);
    if (phase_of(begun) == Phase::settled) co_await publish_next();
    if (phase_of(begun) == Phase::published) say("going on: the next key is published already");
    if (phase_of(begun) == Phase::switched) say("going on: another key signs already");
    if (phase_of(files()) == Phase::published) co_await switch_over();
    co_await retire_last();
}

net::awaitable<void> Rotation::publish_next() {
    const std::string next = token::SigningKey::generate_pem();
    write_private_file(settings_.other_path, next + read_file(settings_.signing_path));
    say("the next key is published: " + second_of(files()));
    co_return;
}

net::awaitable<void> Rotation::switch_over() {
    const KeyPair before = files();
    const std::string next = second_of(before);
    const auto publishes_next = [next](const std::vector<std::string>& kids) {
        return std::ranges::find(kids, next) != kids.end();
    };
    co_await wait_for_pods(publishes_next, "publishes the next key");
    co_await pause(settings_.known_everywhere, "until every room has fetched it");
    const std::string both = read_file(settings_.other_path);
    const std::string begin_of_key = "-----BEGIN ";
    write_private_file(settings_.signing_path, both.substr(0, both.rfind(begin_of_key)));
    say("the next key is to sign");
}

net::awaitable<void> Rotation::retire_last() {
    const KeyPair before = files();
    const std::string last = second_of(before);
    if (last.empty()) co_return;
    co_await wait_for_pods(signs_with(before.signing), "signs with the new key");
    say("every pod of auth signs with " + before.signing);
    const seconds leeway(token::clock_leeway_s);
    co_await pause(
        settings_.token_lifetime + leeway + spare_time, "until tokens of the last key have expired"
    );
    if (::unlink(settings_.other_path.c_str()) != 0 && errno != ENOENT) {
        throw Failure(fmt::format("can't remove {}: {}", settings_.other_path, std::strerror(errno))
        );
    }
    const auto is_gone = [last](const std::vector<std::string>& kids) {
        return std::ranges::find(kids, last) == kids.end();
    };
    co_await wait_for_pods(is_gone, "has forgotten the last key");
    say("the last key is retired: " + last);
}

net::awaitable<void> Rotation::wait_for_pods(Expected is_expected, std::string what) {
    const auto end = net::SteadyClock::now() + settings_.patience;
    while (true) {
        std::string missing;
        try {
            const auto pods = co_await published();
            for (const auto& pod : pods) {
                if (!is_expected(pod.kids)) missing = "not yet auth at " + pod.pod.to_string();
            }
        } catch (const Failure& failure) {
            missing = failure.what();
        }
        if (missing.empty()) co_return;
        if (net::SteadyClock::now() >= end) {
            throw Failure(fmt::format(
                "every pod of auth {} within {} s: {}. When that is so, run this again",
                "should show that it " + what,
                settings_.patience.count(),
                missing
            ));
        }
        line_.show(fmt::format("waiting until every pod of auth {}: {}", what, missing));
        co_await net::sleep_for(poll_every);
    }
}

net::awaitable<void> Rotation::pause(seconds time, std::string what) {
    const auto end = net::SteadyClock::now() + time;
    say(fmt::format("waiting {} s {}", time.count(), what));
    while (true) {
        const auto left = net::time_left(end);
        if (left.count() == 0) break;
        line_.show(fmt::format("{} s left", (left.count() + 999) / 1000));
        co_await net::sleep_for(std::min<milliseconds>(left, seconds(1)));
    }
    line_.show("");
}

}  // namespace cli::keys
