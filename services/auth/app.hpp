#pragma once

#include <functional>

#include "auth/api/parts.hpp"
#include "auth/config.hpp"
#include "http/router.hpp"
#include "net/event.hpp"
#include "service/run.hpp"

namespace auth {

/// The room put together: the only place that knows every concrete type.
class App final : public service::App {
  public:
    App(service::Context& context, Config config, password::Cost cost = {});
    ~App() override;

    const http::Router& router() const override { return router_; }
    void start() override;
    std::string not_ready_because() const override;
    net::awaitable<void> stop() override;

  private:
    net::awaitable<void> watch_schema();
    net::awaitable<void> look_at_place_secret();
    net::awaitable<void> watch_keys();
    void look_at_keys();
    net::awaitable<void> tidy_up();
    net::awaitable<void> drop_what_is_over();
    using Drop =
        std::function<net::awaitable<std::int64_t>(std::int64_t limit, net::Deadline deadline)>;
    net::awaitable<void> drop_all(Drop drop);

    service::Context& context_;
    postgres::Pool pool_;
    AccountStore accounts_;
    SessionStore sessions_;
    AttemptStore attempts_;
    KnownNetworkStore known_networks_;
    api::AttemptRules attempt_rules_;
    password::Hasher hasher_;
    api::TokenMaker tokens_;
    service::Access access_;
    std::optional<KeyFiles> key_files_;
    std::chrono::milliseconds key_files_checked_;
    std::string keys_trouble_;  ///< why they can't be read, empty while they can
    base::UuidGenerator ids_;
    api::Parts parts_;
    http::Router router_;
    net::Event stopping_;
    bool is_stopped_ = false;
    int schema_version_ = 0;
};

}  // namespace auth
