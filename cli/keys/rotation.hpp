#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/keys/key_pair.hpp"
#include "cli/terminal_line.hpp"
#include "http/client.hpp"
#include "net/net.hpp"

namespace cli::keys {

struct RotationSettings {
    std::string signing_path;
    std::string other_path;          ///< there only while keys change
    std::vector<http::Origin> auth;  ///< every pod of it
    /// After so long whoever checks tokens has fetched the keys again.
    std::chrono::seconds known_everywhere{75};
    /// How long access tokens live.
    std::chrono::seconds token_lifetime{600};
    /// For a pod of auth to take the files over.
    std::chrono::seconds patience{180};
};

/// What a pod of auth publishes: kids, the one that signs first.
struct Published {
    http::Origin pod;
    std::vector<std::string> kids;
};

/// Changes auth's signing key without a refused token: publishes the next key, lets it sign once
/// everybody knows it, retires the last one once nothing that it signed is valid. How far it has
/// come stands in the files alone, so that one that was interrupted goes on where it was; waits
/// begin anew then, as they count from what was seen at the pods. Throws Failure.
class Rotation {
  public:
    Rotation(net::Executor executor, RotationSettings settings);

    /// To its end: one new key.
    net::awaitable<void> run();

    KeyPair files() const;
    /// Throws Failure if one of them doesn't answer.
    net::awaitable<std::vector<Published>> published();

  private:
    net::awaitable<void> publish_next();
    net::awaitable<void> switch_over();
    net::awaitable<void> retire_last();

    /// Until every pod answers and publishes what is expected.
    using Expected = std::function<bool(const std::vector<std::string>& kids)>;
    net::awaitable<void> wait_for_pods(Expected is_expected, std::string what);
    net::awaitable<void> pause(std::chrono::seconds time, std::string what);

    RotationSettings settings_;
    std::vector<std::unique_ptr<http::Client>> pods_;
    TerminalLine line_;
};

}  // namespace cli::keys
