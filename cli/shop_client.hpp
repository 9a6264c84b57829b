#pragma once

#include <string>

#include "http/client.hpp"
#include "json/json.hpp"
#include "net/net.hpp"

namespace cli {

struct ShopAccess {
    http::Origin origin;
    std::string token;  ///< empty for what needs no account

    /// DOORBUSTER_URL and, if `needs_token`, DOORBUSTER_TOKEN. Throws UsageError.
    static ShopAccess read(bool needs_token);
};

/// The shop through its gateway, as an operator's command uses it: an answer other than 2xx is a
/// Failure with the problem's own words; a busy shop or a broken connection is asked again, which
/// is harmless because every call is a GET, has an Idempotency-Key or sets a state.
class ShopClient {
  public:
    ShopClient(net::Executor executor, ShopAccess access);

    net::awaitable<json::Value> get(std::string target);
    /// `key` may be empty for calls that buy, create or restock nothing.
    net::awaitable<json::Value> post(std::string target, std::string body, std::string key);

  private:
    net::awaitable<json::Value> send(http::OutgoingRequest request);

    ShopAccess access_;
    http::Client client_;
};

/// The sentence to show for an answer that is not 2xx.
std::string describe_refusal(const http::OutgoingRequest& request, const http::Response& response);

/// A member of an answer; throws Failure if the shop speaks another language.
const json::Value& member(const json::Value& value, std::string_view name);
std::string text_member(const json::Value& value, std::string_view name);
std::int64_t integer_member(const json::Value& value, std::string_view name);

}  // namespace cli
