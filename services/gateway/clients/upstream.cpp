#include "gateway/clients/upstream.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "logging/logging.hpp"
#include "net/event.hpp"
#include "net/steady_now.hpp"

namespace gateway {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;
using Stage = http::TransportError::Stage;

constexpr int attempts_max = 2;

bool is_numeric(const http::Origin& origin) {
    boost::system::error_code error;
    asio::ip::make_address(origin.host, error);
    return !error;
}

RoomOutcome outcome_of(AttemptEnd end) {
    switch (end) {
        case AttemptEnd::answered:
            return RoomOutcome::answered;
        case AttemptEnd::refused:
        case AttemptEnd::silent:
            return RoomOutcome::failed;
        case AttemptEnd::other:
            return RoomOutcome::neither;
    }
    return RoomOutcome::neither;
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
        std::shared_ptr<Core> self, http::OutgoingRequest& request, Terms terms
    );
    std::size_t pods() const { return members_.size(); }

  private:
    /// A pod that left the name lives on until its last request returned.
    struct Member {
        Member(
            const net::Executor& executor,
            const http::Origin& origin,
            http::ClientLimits limits,
            http::ClientLimits admin_limits
        )
            : client(executor, origin, limits), admin_client(executor, origin, admin_limits) {}
        http::Client client;
        http::Client admin_client;
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
        AttemptEnd end = AttemptEnd::other;
        std::int64_t ended_ms = 0;
        std::string what;
    };
    /// Tells the breaker how a request that it let pass ended, however its coroutine ends.
    struct Passed {
        Passed(Core& owner, CircuitBreaker::Admission how) : core(owner), admitted(how) {}
        ~Passed() {
            core.passed(admitted, outcome, ended_ms > 0 ? ended_ms : net::steady_now_ms());
        }
        Passed(const Passed&) = delete;
        Passed& operator=(const Passed&) = delete;

        Core& core;
        CircuitBreaker::Admission admitted;
        RoomOutcome outcome = RoomOutcome::neither;
        std::int64_t ended_ms = 0;  ///< 0: its coroutine was taken away
    };

    struct Counters {
        Counters(metrics::Registry& registry, const std::string& room);

        prometheus::Counter& retries;
        prometheus::Counter& retries_refused;
        prometheus::Counter& put_aside;
        prometheus::Counter& breaker_opened;
        prometheus::Counter& breaker_refused;
        prometheus::Gauge& breaker_state;
        prometheus::Gauge& pods;
    };

    std::shared_ptr<Member> choose(const Member* excluded, std::int64_t at_ms);
    static net::awaitable<Attempt> attempt(
        std::shared_ptr<Core> self,
        std::shared_ptr<Member> member,
        http::OutgoingRequest& request,
        Terms terms
    );
    static AttemptEnd end_of(
        const http::TransportError& error, const Terms& terms, bool had_its_time
    );
    static bool may_repeat(const Attempt& outcome, Repeatable repeatable);
    void ended(Member& member, bool is_probe, const Attempt& attempt);
    void passed(CircuitBreaker::Admission admitted, RoomOutcome outcome, std::int64_t at_ms);
    void note_breaker();
    static net::awaitable<void> keep_resolving(std::shared_ptr<Core> self);
    void rebuild();

    net::Executor executor_;
    UpstreamSettings settings_;
    std::vector<Name> names_;
    std::vector<std::shared_ptr<Member>> members_;
    std::vector<const Pod*> states_;  ///< of members_, in the same order
    std::size_t last_choice_ = 0;
    RetryBudget budget_;
    CircuitBreaker breaker_;
    CircuitBreaker::State breaker_noted_ = CircuitBreaker::State::closed;
    net::Event ending_;
    bool gone_ = false;
    Counters counters_;
};

Upstream::Core::Counters::Counters(metrics::Registry& registry, const std::string& room)
    : retries(registry.counter(
          "doorbuster_gateway_retries_total", "Requests sent a second time.", {{"room", room}}
      )),
      retries_refused(registry.counter(
          "doorbuster_gateway_retries_refused_total",
          "Requests not sent a second time, because too many were.",
          {{"room", room}}
      )),
      put_aside(registry.counter(
          "doorbuster_gateway_pods_put_aside_total",
          "Pods not asked for a while, because they could not be reached in time.",
          {{"room", room}}
      )),
      breaker_opened(registry.counter(
          "doorbuster_gateway_breaker_opened_total",
          "Times that a room was not asked for a while, because it did not answer.",
          {{"room", room}}
      )),
      breaker_refused(registry.counter(
          "doorbuster_gateway_breaker_refusals_total",
          "Requests answered 503 without asking the room.",
          {{"room", room}}
      )),
      breaker_state(registry.gauge(
          "doorbuster_gateway_breaker_state", "0 closed, 1 half open, 2 open.", {{"room", room}}
      )),
      pods(registry.gauge("doorbuster_gateway_pods", "Known addresses of a room.", {{"room", room}})
      ) {}

Upstream::Core::Core(net::Executor executor, metrics::Registry& metrics, UpstreamSettings settings)
    : executor_(executor),
      settings_(std::move(settings)),
      budget_(settings_.retries),
      breaker_(settings_.breaker),
      ending_(executor),
      counters_(metrics, settings_.room) {
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
    http::ClientLimits admin_limits = settings_.client;
    admin_limits.connections_max = settings_.admin_connections_max;
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
                    : std::make_shared<Member>(executor_, address, settings_.client, admin_limits)
            );
        }
    }
    members_ = std::move(members);
    states_.clear();
    for (const auto& member : members_) states_.push_back(&member->state);
    counters_.pods.Set(static_cast<double>(members_.size()));
}

std::shared_ptr<Upstream::Core::Member> Upstream::Core::choose(
    const Member* excluded, std::int64_t at_ms
) {
    const auto choice =
        choose_pod(states_, excluded ? &excluded->state : nullptr, last_choice_, at_ms);
    if (!choice) return nullptr;
    last_choice_ = *choice;
    return members_[*choice];
}

net::awaitable<std::expected<http::Response, UpstreamFailure>> Upstream::Core::send(
    std::shared_ptr<Core> self, http::OutgoingRequest& request, Terms terms
) {
    const std::int64_t began_ms = net::steady_now_ms();
    const auto admitted = self->breaker_.admit(began_ms);
    self->note_breaker();
    UpstreamFailure failure;
    if (admitted == CircuitBreaker::Admission::refused) {
        self->counters_.breaker_refused.Increment();
        failure.wait_ms = self->breaker_.wait_ms(began_ms);
        failure.what = "the breaker is open";
        co_return std::unexpected(std::move(failure));
    }
    Passed passed(*self, admitted);
    self->budget_.note_request(began_ms);
    std::shared_ptr<Member> member = self->choose(nullptr, began_ms);
    if (!member) failure.what = "no address is known";
    for (int tried = 1; member; ++tried) {
        Attempt outcome = co_await attempt(self, member, request, terms);
        passed.outcome = outcome_of(outcome.end);
        passed.ended_ms = outcome.ended_ms;
        if (!outcome.failed) {
            // That this pod refused says nothing of what the one before it may have done.
            if (!failure.was_sent || outcome.response.status != 503) {
                co_return std::move(outcome.response);
            }
            failure.what = "refused, after an attempt whose outcome is unknown";
            break;
        }
        const Stage stage = *outcome.failed;
        failure.was_sent = failure.was_sent || (stage != Stage::queue && stage != Stage::connect);
        failure.what = std::move(outcome.what);
        failure.was_callers_wish =
            terms.is_callers_wish && outcome.timed_out && net::SteadyClock::now() >= terms.deadline;
        if (tried == attempts_max || !may_repeat(outcome, terms.repeatable)) break;
        if (net::time_left(terms.deadline).count() <= self->settings_.deadline_margin_ms) break;
        auto other = self->choose(member.get(), outcome.ended_ms);
        // Behind the only address may be another pod (a Service), unless it is merely slow.
        const bool broke = stage == Stage::exchange && !outcome.timed_out;
        if (!other && stage != Stage::connect && !broke) break;
        if (!self->budget_.take_retry(outcome.ended_ms)) {
            self->counters_.retries_refused.Increment();
            break;
        }
        if (other) member = std::move(other);
        self->counters_.retries.Increment();
    }
    co_return std::unexpected(std::move(failure));
}

bool Upstream::Core::may_repeat(const Attempt& outcome, Repeatable repeatable) {
    switch (*outcome.failed) {
        case Stage::queue:
            // The pod with the shortest line has a full one: to stand in another is no help.
            return false;
        case Stage::connect:
            return true;
        case Stage::exchange:
            return repeatable == Repeatable::yes;
        case Stage::response:
            return false;
    }
    return false;
}

net::awaitable<Upstream::Core::Attempt> Upstream::Core::attempt(
    std::shared_ptr<Core> self,
    std::shared_ptr<Member> member,
    http::OutgoingRequest& request,
    Terms terms
) {
    const auto& settings = self->settings_;
    const auto now = net::SteadyClock::now();
    const auto time_left = [&] {
        return std::chrono::duration_cast<milliseconds>(terms.deadline - now).count();
    };
    bool had_its_time = terms.pace == Pace::usual && time_left() >= settings.silent_after_ms;
    if (terms.pace == Pace::usual && settings.attempt_timeout_ms > 0) {
        const auto own = now + milliseconds(settings.attempt_timeout_ms);
        had_its_time = own <= terms.deadline;
        terms.deadline = std::min(terms.deadline, own);
    }
    request.time_told =
        milliseconds(std::max<std::int64_t>(time_left() - settings.deadline_margin_ms, 1));
    http::Client& client = terms.lane == Lane::admins ? member->admin_client : member->client;
    const bool is_probe = begin_attempt(member->state);
    Attempt outcome;
    try {
        outcome.response = co_await client.send_kept(request, terms.deadline);
        outcome.end = AttemptEnd::answered;
    } catch (const http::TransportError& error) {
        outcome.failed = error.stage();
        outcome.timed_out = error.timed_out();
        outcome.what = error.what();
        outcome.end = end_of(error, terms, had_its_time);
    }
    outcome.ended_ms = net::steady_now_ms();
    self->ended(*member, is_probe, outcome);
    co_return outcome;
}

AttemptEnd Upstream::Core::end_of(
    const http::TransportError& error, const Terms& terms, bool had_its_time
) {
    const bool at_connect = error.stage() == Stage::connect;
    if (at_connect && !error.timed_out()) return AttemptEnd::refused;
    const bool silent = error.timed_out() && error.stage() != Stage::queue;
    const bool connect_limit = silent && at_connect && net::SteadyClock::now() < terms.deadline;
    return connect_limit || (silent && had_its_time) ? AttemptEnd::silent : AttemptEnd::other;
}

void Upstream::Core::ended(Member& member, bool is_probe, const Attempt& attempt) {
    const bool was_suspect = member.state.suspect;
    const auto at_ms = attempt.ended_ms;
    end_attempt(member.state, is_probe, attempt.end, at_ms, settings_.ejection, states_);
    if (was_suspect == member.state.suspect) return;
    if (member.state.suspect) counters_.put_aside.Increment();
    logging::warning(
        member.state.suspect ? "pod put aside" : "pod answers again",
        {{"room", settings_.room}, {"address", member.client.origin().to_string()}}
    );
}

void Upstream::Core::passed(
    CircuitBreaker::Admission admitted, RoomOutcome outcome, std::int64_t at_ms
) {
    if (gone_) return;
    breaker_.ended(admitted, outcome, at_ms);
    note_breaker();
}

void Upstream::Core::note_breaker() {
    using State = CircuitBreaker::State;
    const State state = breaker_.state();
    if (state == breaker_noted_) return;
    breaker_noted_ = state;
    counters_.breaker_state.Set(state == State::closed ? 0 : state == State::half_open ? 1 : 2);
    if (state == State::open) counters_.breaker_opened.Increment();
    if (state == State::half_open) return;
    logging::warning(
        state == State::open ? "room not asked for a while" : "room answers again",
        {{"room", settings_.room}}
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
    http::OutgoingRequest& request, Terms terms
) {
    return Core::send(core_, request, terms);
}

std::size_t Upstream::pods() const {
    return core_->pods();
}

}  // namespace gateway
