#include "gateway/clients/upstream.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "gateway/domain/pod.hpp"
#include "logging/logging.hpp"
#include "net/event.hpp"

namespace gateway {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;
using Stage = http::TransportError::Stage;

constexpr int attempts_max = 2;

std::int64_t to_ms(net::SteadyClock::time_point time) {
    return std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
}

bool is_numeric(const http::Origin& origin) {
    boost::system::error_code error;
    asio::ip::make_address(origin.host, error);
    return !error;
}

/// One family only: a pod with two addresses is still one pod.
std::vector<http::Origin> addresses_of(const tcp::resolver::results_type& found) {
    const bool has_ipv4 = std::ranges::any_of(found, [](const auto& each) {
        return each.endpoint().address().is_v4();
    });
    std::vector<http::Origin> addresses;
    for (const auto& each : found) {
        const auto endpoint = each.endpoint();
        if (endpoint.address().is_v4() != has_ipv4) continue;
        addresses.push_back({endpoint.address().to_string(), endpoint.port()});
    }
    return addresses;
}

}  // namespace

class Upstream::Core : public std::enable_shared_from_this<Core> {
  public:
    Core(net::Executor executor, metrics::Registry& metrics, UpstreamSettings settings);

    void start();
    void shut_down();
    static net::awaitable<std::expected<http::Response, UpstreamFailure>> send(
        std::shared_ptr<Core> self,
        http::OutgoingRequest& request,
        net::Deadline deadline,
        Repeatable repeatable
    );
    std::size_t pods() const { return members_.size(); }

  private:
    /// A pod that left the name lives on until its last request returned.
    struct Member {
        Member(const net::Executor& executor, const http::Origin& origin, http::ClientLimits limits)
            : client(executor, origin, limits) {}
        http::Client client;
        Pod state;
    };
    struct Name {
        http::Origin origin;
        std::vector<http::Origin> addresses;
    };
    struct Attempt {
        http::Response response;
        std::optional<Stage> failed;
        bool timed_out = false;
        std::string what;
    };

    std::shared_ptr<Member> choose(const Member* excluded);
    static net::awaitable<Attempt> attempt(
        std::shared_ptr<Core> self,
        std::shared_ptr<Member> member,
        http::OutgoingRequest& request,
        net::Deadline deadline
    );
    void ended(Member& member, bool is_probe, AttemptEnd end);
    static net::awaitable<void> keep_resolving(std::shared_ptr<Core> self);
    void rebuild();

    net::Executor executor_;
    UpstreamSettings settings_;
    std::vector<Name> names_;
    std::vector<std::shared_ptr<Member>> members_;
    std::vector<const Pod*> states_;  ///< of members_, in the same order
    std::size_t last_choice_ = 0;
    net::Event ending_;
    bool gone_ = false;
    prometheus::Counter& retries_;
    prometheus::Counter& put_aside_;
    prometheus::Gauge& pods_;
};

Upstream::Core::Core(net::Executor executor, metrics::Registry& metrics, UpstreamSettings settings)
    : executor_(executor),
      settings_(std::move(settings)),
      ending_(executor),
      retries_(metrics.counter(
          "doorbuster_gateway_retries_total",
          "Requests sent a second time.",
          {{"room", settings_.room}}
      )),
      put_aside_(metrics.counter(
          "doorbuster_gateway_pods_put_aside_total",
          "Pods not asked for a while, because they could not be reached in time.",
          {{"room", settings_.room}}
      )),
      pods_(metrics.gauge(
          "doorbuster_gateway_pods", "Known addresses of a room.", {{"room", settings_.room}}
      )) {
    for (const auto& origin : settings_.origins) {
        Name name{origin, {}};
        if (!settings_.resolve_to_pods || is_numeric(origin)) name.addresses = {origin};
        names_.push_back(std::move(name));
    }
    rebuild();
}

void Upstream::Core::start() {
    const bool has_names =
        std::ranges::any_of(names_, [](const Name& name) { return !is_numeric(name.origin); });
    if (!settings_.resolve_to_pods || !has_names) return;
    asio::co_spawn(executor_, keep_resolving(shared_from_this()), asio::detached);
}

void Upstream::Core::shut_down() {
    gone_ = true;
    ending_.notify();
}

net::awaitable<void> Upstream::Core::keep_resolving(std::shared_ptr<Core> self) {
    constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
    tcp::resolver resolver(self->executor_);
    while (!self->gone_) {
        for (Name& name : self->names_) {
            if (is_numeric(name.origin)) continue;
            const std::string port = std::to_string(name.origin.port);
            const auto [error, found] =
                co_await resolver.async_resolve(name.origin.host, port, as_result);
            if (self->gone_) co_return;
            if (error) {
                // The last answer is better than none: most pods are where they were.
                logging::warning(
                    "name not found", {{"name", name.origin.host}, {"error", error.message()}}
                );
                continue;
            }
            name.addresses = addresses_of(found);
        }
        self->rebuild();
        co_await self->ending_.wait_until(
            net::deadline_in(milliseconds(self->settings_.resolve_interval_ms))
        );
    }
}

void Upstream::Core::rebuild() {
    std::vector<std::shared_ptr<Member>> members;
    for (const Name& name : names_) {
        for (const http::Origin& address : name.addresses) {
            const auto is_same = [&](const std::shared_ptr<Member>& member) {
                return member->client.origin() == address;
            };
            if (std::ranges::any_of(members, is_same)) continue;
            const auto known = std::ranges::find_if(members_, is_same);
            members.push_back(
                known != members_.end()
                    ? *known
                    : std::make_shared<Member>(executor_, address, settings_.client)
            );
        }
    }
    members_ = std::move(members);
    states_.clear();
    for (const auto& member : members_) states_.push_back(&member->state);
    pods_.Set(static_cast<double>(members_.size()));
}

std::shared_ptr<Upstream::Core::Member> Upstream::Core::choose(const Member* excluded) {
    const auto choice = choose_pod(
        states_, excluded ? &excluded->state : nullptr, last_choice_, to_ms(net::SteadyClock::now())
    );
    if (!choice) return nullptr;
    last_choice_ = *choice;
    return members_[*choice];
}

net::awaitable<std::expected<http::Response, UpstreamFailure>> Upstream::Core::send(
    std::shared_ptr<Core> self,
    http::OutgoingRequest& request,
    net::Deadline deadline,
    Repeatable repeatable
) {
    UpstreamFailure failure{false, "no address is known"};
    std::shared_ptr<Member> member = self->choose(nullptr);
    for (int tried = 1; member; ++tried) {
        Attempt outcome = co_await attempt(self, member, request, deadline);
        if (!outcome.failed) co_return std::move(outcome.response);
        const Stage stage = *outcome.failed;
        const bool unsent = stage == Stage::queue || stage == Stage::connect;
        failure.was_sent = failure.was_sent || !unsent;
        failure.what = std::move(outcome.what);
        const bool may_repeat =
            unsent || (stage == Stage::exchange && repeatable == Repeatable::yes);
        if (tried == attempts_max || !may_repeat) break;
        if (net::time_left(deadline).count() <= self->settings_.deadline_margin_ms) break;
        auto other = self->choose(member.get());
        // Behind the only address may be another pod (a Service), unless it is merely slow or full.
        const bool broke = stage == Stage::exchange && !outcome.timed_out;
        if (!other && stage != Stage::connect && !broke) break;
        if (other) member = std::move(other);
        self->retries_.Increment();
    }
    co_return std::unexpected(std::move(failure));
}

net::awaitable<Upstream::Core::Attempt> Upstream::Core::attempt(
    std::shared_ptr<Core> self,
    std::shared_ptr<Member> member,
    http::OutgoingRequest& request,
    net::Deadline deadline
) {
    const auto& settings = self->settings_;
    // Only a pod that had the time every attempt gets may be blamed: else a caller with a deadline
    // of a millisecond could put all pods aside.
    bool had_its_time = false;
    if (settings.attempt_timeout_ms > 0) {
        const auto own = net::deadline_in(milliseconds(settings.attempt_timeout_ms));
        had_its_time = own <= deadline;
        deadline = std::min(deadline, own);
    }
    const auto told = net::time_left(deadline).count() - settings.deadline_margin_ms;
    request.headers.set("X-Deadline-Ms", std::to_string(std::max<std::int64_t>(told, 1)));
    const bool is_probe = begin_attempt(member->state);
    Attempt outcome;
    AttemptEnd end = AttemptEnd::other;
    try {
        outcome.response = co_await member->client.send_kept(request, deadline);
        end = AttemptEnd::answered;
    } catch (const http::TransportError& error) {
        outcome.failed = error.stage();
        outcome.timed_out = error.timed_out();
        outcome.what = error.what();
        const bool refused = error.stage() == Stage::connect && !error.timed_out();
        const bool silent = error.timed_out() && error.stage() != Stage::queue;
        const bool connect_limit =
            silent && error.stage() == Stage::connect && net::SteadyClock::now() < deadline;
        if (refused || connect_limit || (silent && had_its_time)) end = AttemptEnd::unreachable;
    }
    self->ended(*member, is_probe, end);
    co_return outcome;
}

void Upstream::Core::ended(Member& member, bool is_probe, AttemptEnd end) {
    const bool was_suspect = member.state.suspect;
    end_attempt(member.state, is_probe, end, to_ms(net::SteadyClock::now()), settings_.ejection_ms);
    if (was_suspect == member.state.suspect) return;
    if (member.state.suspect) put_aside_.Increment();
    logging::warning(
        member.state.suspect ? "pod put aside" : "pod answers again",
        {{"room", settings_.room}, {"address", member.client.origin().to_string()}}
    );
}

Upstream::Upstream(net::Executor executor, metrics::Registry& metrics, UpstreamSettings settings)
    : core_(std::make_shared<Core>(executor, metrics, std::move(settings))) {}

Upstream::~Upstream() {
    core_->shut_down();
}

void Upstream::start() {
    core_->start();
}

net::awaitable<std::expected<http::Response, UpstreamFailure>> Upstream::send(
    http::OutgoingRequest& request, net::Deadline deadline, Repeatable repeatable
) {
    return Core::send(core_, request, deadline, repeatable);
}

std::size_t Upstream::pods() const {
    return core_->pods();
}

}  // namespace gateway
