#include "postgres/connection.hpp"

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/assertion.hpp"
#include "logging/logging.hpp"

namespace postgres {
namespace {

using Wait = net::asio::posix::stream_descriptor;

std::string field(const PGresult* result, int code) {
    const char* text = PQresultErrorField(result, code);
    return text == nullptr ? std::string() : std::string(text);
}

bool ends_session(const PGresult* result) {
    const std::string severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    return severity == "FATAL" || severity == "PANIC";
}

/// A prepared statement that the server no longer takes: its result type changed under it by a
/// migration, or somebody deallocated it. Only a new connection prepares it anew.
bool is_stale_statement(std::string_view sqlstate) {
    return sqlstate == "0A000" || sqlstate == "26000";
}

struct ClearResult {
    void operator()(PGresult* result) const { PQclear(result); }
};
using OwnedResult = std::unique_ptr<PGresult, ClearResult>;

}  // namespace

prometheus::Histogram* StatementMetrics::seconds(std::string_view statement) {
    if (registry_ == nullptr) return nullptr;
    return &registry_->histogram(
        "doorbuster_postgres_statement_seconds",
        "Time from sending a statement to its answer",
        metrics::request_seconds_bounds(),
        {{"statement", std::string(statement)}}
    );
}

/// Marks the time a coroutine uses the connection. Left by an exception or by a destroyed
/// coroutine with the answer outstanding, the connection can't be used again.
class LibpqConnection::InUse {
  public:
    explicit InUse(LibpqConnection& connection) : connection_(connection) {
        connection_.in_use_ = true;
    }
    ~InUse() {
        connection_.in_use_ = false;
        if (connection_.raw_ && PQtransactionStatus(connection_.raw_) == PQTRANS_ACTIVE) {
            connection_.close();
        }
    }
    InUse(const InUse&) = delete;
    InUse& operator=(const InUse&) = delete;

  private:
    LibpqConnection& connection_;
};

LibpqConnection::LibpqConnection(net::Executor executor, std::shared_ptr<StatementMetrics> metrics)
    : socket_(executor), timer_(executor), metrics_(std::move(metrics)) {}

LibpqConnection::~LibpqConnection() {
    close();
}

net::awaitable<std::shared_ptr<LibpqConnection>> LibpqConnection::open(
    net::Executor executor,
    std::shared_ptr<const Target> target,
    std::shared_ptr<StatementMetrics> metrics,
    net::Deadline deadline
) {
    auto connection = std::make_shared<LibpqConnection>(executor, std::move(metrics));
    co_await connection->connect(*target, deadline);
    co_return connection;
}

net::awaitable<void> LibpqConnection::connect(const Target& target, net::Deadline deadline) {
    const auto options = co_await target.resolved(timer_.get_executor(), deadline);
    std::vector<const char*> names;
    std::vector<const char*> values;
    for (const auto& [name, value] : options) {
        names.push_back(name.c_str());
        values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    raw_ = PQconnectStartParams(names.data(), values.data(), 0);
    if (raw_ == nullptr) throw std::bad_alloc();
    PQsetNoticeReceiver(raw_, &LibpqConnection::receive_notice, this);

    watch(deadline);
    auto next = PQstatus(raw_) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (next != PGRES_POLLING_OK) {
        bool ready = false;
        if (next != PGRES_POLLING_FAILED) {
            // libpq may close the descriptor and open another (the next address): the loop must
            // have let go of it by then.
            socket_.assign(PQsocket(raw_));
            ready = co_await wait_for(
                next == PGRES_POLLING_READING ? Wait::wait_read : Wait::wait_write
            );
            socket_.release();
        }
        if (!ready) {
            const std::string why = timed_out_ ? "timed out" : connection_message();
            close();
            throw Error("can't connect: " + why, Error::Effect::none);
        }
        next = PQconnectPoll(raw_);
    }
    socket_.assign(PQsocket(raw_));
    PQsetnonblocking(raw_, 1);
    backend_pid_ = PQbackendPID(raw_);
}

net::awaitable<Result> LibpqConnection::query(
    const Statement& statement, const Parameters& parameters, net::Deadline deadline
) {
    require_ready(statement.name, deadline);
    const InUse in_use(*this);
    watch(deadline);
    const auto began = net::SteadyClock::now();
    const Prepared* prepared = co_await prepare(statement, parameters);

    const auto& encoded = parameters.encoded();
    values_.clear();
    lengths_.clear();
    for (const auto& parameter : encoded) {
        values_.push_back(parameter.is_null ? nullptr : parameter.bytes.data());
        lengths_.push_back(static_cast<int>(parameter.bytes.size()));
    }
    formats_.assign(encoded.size(), 1);
    const std::string name(statement.name);
    const int sent = PQsendQueryPrepared(
        raw_,
        name.c_str(),
        static_cast<int>(encoded.size()),
        values_.data(),
        lengths_.data(),
        formats_.data(),
        1
    );
    require_sent(sent, statement.name);
    Result result = co_await exchange(statement.name);
    if (prepared->seconds != nullptr) {
        const std::chrono::duration<double> took = net::SteadyClock::now() - began;
        prepared->seconds->Observe(took.count());
    }
    co_return result;
}

net::awaitable<const LibpqConnection::Prepared*> LibpqConnection::prepare(
    const Statement& statement, const Parameters& parameters
) {
    const std::string name(statement.name);
    const auto known = prepared_.find(name);
    if (known != prepared_.end()) {
        DOORBUSTER_ASSERT(known->second.sql == statement.sql);  // names are unique in a program
        co_return &known->second;
    }
    std::vector<Oid> types;
    for (const auto& parameter : parameters.encoded()) types.push_back(parameter.type);
    const std::string sql(statement.sql);
    const int sent = PQsendPrepare(
        raw_, name.c_str(), sql.c_str(), static_cast<int>(types.size()), types.data()
    );
    require_sent(sent, statement.name);
    co_await exchange(statement.name);
    auto* seconds = metrics_->seconds(statement.name);
    co_return &prepared_.emplace(name, Prepared{sql, seconds}).first->second;
}

net::awaitable<void> LibpqConnection::run(std::string_view sql, net::Deadline deadline) {
    constexpr std::string_view what = "run";
    require_ready(what, deadline);
    const InUse in_use(*this);
    watch(deadline);
    const std::string text(sql);
    require_sent(PQsendQuery(raw_, text.c_str()), what);
    co_await exchange(what);
}

/// Reads until the server is ready for the next statement: only then is the commit of a single
/// statement decided, its rows come before it.
net::awaitable<Result> LibpqConnection::exchange(std::string_view what) {
    co_await flush(what);
    OwnedResult good;
    std::optional<Error> failure;
    while (true) {
        while (PQisBusy(raw_) != 0 && PQstatus(raw_) == CONNECTION_OK) {
            co_await read_more(what);
        }
        OwnedResult result(PQgetResult(raw_));
        if (!result) break;
        const auto status = PQresultStatus(result.get());
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ||
            status == PGRES_EMPTY_QUERY) {
            if (!failure) good = std::move(result);
            continue;
        }
        // COPY has no place here and would never end by itself.
        DOORBUSTER_ASSERT(status != PGRES_COPY_IN && status != PGRES_COPY_OUT);
        if (!failure) failure.emplace(server_error(what, result.get()));
    }
    if (PQstatus(raw_) == CONNECTION_BAD) close();
    if (failure) throw *failure;
    if (!good || !raw_) lost(what);
    co_return Result(good.release());
}

net::awaitable<void> LibpqConnection::flush(std::string_view what) {
    // The server reads a whole message before it answers, and only one is under way, so waiting
    // for room alone can't deadlock.
    while (true) {
        const int left = PQflush(raw_);
        if (left == 0) co_return;
        if (left < 0) lost(what);
        const bool ready = co_await wait_for(Wait::wait_write);
        if (!ready) lost(what);
    }
}

net::awaitable<void> LibpqConnection::read_more(std::string_view what) {
    const bool ready = co_await wait_for(Wait::wait_read);
    if (!ready) lost(what);
    // On a broken connection PQgetResult reports what the server said last, if anything.
    PQconsumeInput(raw_);
}

net::awaitable<bool> LibpqConnection::wait_for(Wait::wait_type readiness) {
    if (timed_out_) co_return false;
    const auto outcome =
        co_await socket_.async_wait(readiness, net::asio::as_tuple(net::asio::use_awaitable));
    co_return !std::get<0>(outcome) && !timed_out_;
}

void LibpqConnection::watch(net::Deadline deadline) {
    timed_out_ = false;
    deadline_ = deadline;
    if (armed_for_ && *armed_for_ <= deadline) return;
    armed_for_ = deadline;
    timer_.expires_at(deadline);
    timer_.async_wait([self = weak_from_this()](boost::system::error_code error) {
        if (const auto connection = self.lock()) connection->on_watch_timer(error);
    });
}

void LibpqConnection::on_watch_timer(boost::system::error_code error) {
    if (error) return;  // closed, or armed anew for an earlier deadline
    armed_for_.reset();
    const bool connecting = raw_ != nullptr && PQstatus(raw_) != CONNECTION_OK;
    if (!in_use_ && !connecting) return;
    if (net::SteadyClock::now() < deadline_) {
        watch(deadline_);
        return;
    }
    timed_out_ = true;
    boost::system::error_code ignored;
    socket_.cancel(ignored);
}

void LibpqConnection::require_ready(std::string_view what, net::Deadline deadline) const {
    DOORBUSTER_ASSERT(!in_use_);  // one coroutine at a time
    if (raw_ == nullptr) {
        throw Error(fmt::format("{}: the connection is closed", what), Error::Effect::none);
    }
    if (net::SteadyClock::now() >= deadline) {
        throw Error(fmt::format("{}: no time left", what), Error::Effect::none);
    }
}

void LibpqConnection::require_sent(int sent, std::string_view what) {
    if (sent == 1) return;
    // At most a part went out, without the Sync that would commit it.
    const std::string why = connection_message();
    close();
    throw Error(fmt::format("{}: can't send: {}", what, why), Error::Effect::none);
}

Error LibpqConnection::server_error(std::string_view what, const PGresult* result) {
    const std::string sqlstate = field(result, PG_DIAG_SQLSTATE);
    // The detail line is left out: it quotes row values, which must not reach a log.
    std::string message = field(result, PG_DIAG_MESSAGE_PRIMARY);
    if (message.empty()) message = PQresultErrorMessage(result);
    const bool unknown = sqlstate.empty() || ends_session(result);
    if (unknown || is_stale_statement(sqlstate)) doomed_ = true;
    return Error(
        fmt::format("{}: {} {}", what, sqlstate, message),
        unknown ? Error::Effect::unknown : Error::Effect::none,
        sqlstate
    );
}

void LibpqConnection::lost(std::string_view what) {
    const std::string why = timed_out_ ? "timed out" : connection_message();
    close();
    throw Error(fmt::format("{}: no answer: {}", what, why), Error::Effect::unknown);
}

std::string LibpqConnection::connection_message() const {
    std::string message = raw_ == nullptr ? "connection closed" : PQerrorMessage(raw_);
    while (message.ends_with('\n')) message.pop_back();
    return message.empty() ? "connection lost" : message;
}

void LibpqConnection::receive_notice(void* self, const PGresult* notice) {
    auto& connection = *static_cast<LibpqConnection*>(self);
    // A server that shuts down says so to idle connections as a notice.
    if (ends_session(notice)) {
        connection.doomed_ = true;
        return;
    }
    logging::warning(
        "postgres notice",
        {{"sqlstate", field(notice, PG_DIAG_SQLSTATE)},
         {"notice", field(notice, PG_DIAG_MESSAGE_PRIMARY)}}
    );
}

bool LibpqConnection::is_reusable() const {
    return raw_ != nullptr && !in_use_ && !doomed_ && PQstatus(raw_) == CONNECTION_OK &&
           PQtransactionStatus(raw_) == PQTRANS_IDLE;
}

bool LibpqConnection::still_alive() {
    if (!is_reusable()) return false;
    char byte = 0;
    const auto quiet = [&] {
        const auto got = ::recv(PQsocket(raw_), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    };
    if (quiet()) return true;
    // Something came while nobody asked: a changed setting, or the server's farewell.
    if (PQconsumeInput(raw_) == 0) return false;
    (void)PQisBusy(raw_);
    return quiet() && is_reusable();
}

bool LibpqConnection::in_failed_transaction() const {
    return raw_ != nullptr && PQtransactionStatus(raw_) == PQTRANS_INERROR;
}

void LibpqConnection::close() {
    if (raw_ == nullptr) return;
    armed_for_.reset();
    timer_.cancel();
    if (socket_.is_open()) socket_.release();  // the descriptor is libpq's to close
    PQfinish(raw_);
    raw_ = nullptr;
}

}  // namespace postgres
