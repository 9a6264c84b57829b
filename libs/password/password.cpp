#include "password/password.hpp"

#include <array>
#include <exception>
#include <expected>
#include <stdexcept>
#include <utility>
#include <vector>

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sodium.h>

#include "base/assertion.hpp"
#include "base/encoding.hpp"
#include "base/neighbour_error.hpp"
#include "base/random.hpp"

namespace password {
namespace {

namespace asio = boost::asio;

// A password that is moved, never copied, and wiped wherever it ends: a moved std::string would
// leave a short text behind in its inner buffer.
class Secret {
  public:
    explicit Secret(std::string& source) {
        // Libsodium takes no null pointer, which is what an empty vector may give.
        bytes_.reserve(source.size() + 1);
        bytes_.assign(source.begin(), source.end());
        wipe(source);
    }
    Secret(Secret&&) noexcept = default;
    Secret& operator=(Secret&&) = delete;
    ~Secret() { sodium_memzero(bytes_.data(), bytes_.size()); }

    const char* data() const { return bytes_.data(); }
    std::size_t size() const { return bytes_.size(); }

  private:
    std::vector<char> bytes_;
};

std::string hash_now(const Secret& secret, const Cost& cost) {
    std::array<char, crypto_pwhash_STRBYTES> phc{};
    const int failed =
        crypto_pwhash_str(phc.data(), secret.data(), secret.size(), cost.passes, cost.memory_bytes);
    if (failed) {
        throw base::NeighbourError(
            "password hashing", "no memory", base::NeighbourError::Effect::none
        );
    }
    return phc.data();
}

Hasher::Verdict verify_now(const std::string& phc, const Secret& secret, const Cost& cost) {
    Hasher::Verdict verdict;
    verdict.matches = crypto_pwhash_str_verify(phc.c_str(), secret.data(), secret.size()) == 0;
    verdict.needs_rehash =
        verdict.matches &&
        crypto_pwhash_str_needs_rehash(phc.c_str(), cost.passes, cost.memory_bytes) != 0;
    return verdict;
}

std::string make_decoy(const Cost& cost) {
    std::array<std::uint8_t, 32> random{};
    base::secure_random(random);
    std::string unknown = base::to_hex(random);
    return hash_now(Secret(unknown), cost);
}

void prepare_sodium() {
    if (sodium_init() < 0) throw std::runtime_error("libsodium can't be initialised");
}

template <class Value>
using Outcome = std::expected<Value, std::exception_ptr>;

}  // namespace

void wipe(std::string& text) {
    text.resize(text.capacity());
    sodium_memzero(text.data(), text.size());
    text.clear();
}

// The counter is touched on the loop only; the pool's threads see nothing but their own job.
struct Hasher::Impl {
    Impl(net::Executor loop, Cost cost_given, Limits limits_given)
        : executor(std::move(loop)),
          cost(cost_given),
          limits(limits_given),
          decoy(make_decoy(cost_given)),
          pool(limits_given.threads) {}

    bool has_room() const { return under_way < limits.threads + limits.waiting_max; }

    template <class Value, class Job>
    net::awaitable<Value> run(Job job) {
        if (!has_room()) {
            throw base::NeighbourError(
                "password hashing", "too many waiting", base::NeighbourError::Effect::none
            );
        }
        ++under_way;
        Outcome<Value> outcome = co_await on_pool<Value>(std::move(job));
        --under_way;
        if (!outcome) std::rethrow_exception(outcome.error());
        co_return std::move(*outcome);
    }

    template <class Value, class Job>
    net::awaitable<Outcome<Value>> on_pool(Job job) {
        // The loop must not run dry while only the pool has work.
        auto loop = asio::prefer(executor, asio::execution::outstanding_work.tracked);
        co_return co_await asio::
            async_initiate<const asio::use_awaitable_t<>&, void(Outcome<Value>)>(
                [this, &job, &loop](auto handler) {
                    asio::post(
                        pool,
                        [loop = std::move(loop),
                         job = std::move(job),
                         handler = std::move(handler)]() mutable {
                            Outcome<Value> outcome = attempt<Value>(std::move(job));
                            asio::post(
                                loop,
                                [handler = std::move(handler), outcome = std::move(outcome)](
                                ) mutable { handler(std::move(outcome)); }
                            );
                        }
                    );
                },
                asio::use_awaitable
            );
    }

    // Takes the job by value: the password ends here, before the result travels.
    template <class Value, class Job>
    static Outcome<Value> attempt(Job job) {
        try {
            return job();
        } catch (...) {
            return std::unexpected(std::current_exception());
        }
    }

    net::Executor executor;
    Cost cost;
    Limits limits;
    std::string decoy;
    std::size_t under_way = 0;
    asio::thread_pool pool;
};

Hasher::Hasher(net::Executor executor, Cost cost, Limits limits) {
    DOORBUSTER_ASSERT(limits.threads > 0);
    prepare_sodium();
    impl_ = std::make_unique<Impl>(std::move(executor), cost, limits);
}

// A hash that has begun can't be interrupted; what only waits is dropped.
Hasher::~Hasher() {
    impl_->pool.stop();
    impl_->pool.join();
}

bool Hasher::has_room() const {
    return impl_->has_room();
}

net::awaitable<std::string> Hasher::hash(std::string password) {
    Secret secret(password);
    auto job = [secret = std::move(secret), cost = impl_->cost]() {
        return hash_now(secret, cost);
    };
    std::string phc = co_await impl_->run<std::string>(std::move(job));
    co_return phc;
}

net::awaitable<Hasher::Verdict> Hasher::verify(std::string phc, std::string password) {
    Secret secret(password);
    auto job = [secret = std::move(secret), phc = std::move(phc), cost = impl_->cost]() {
        return verify_now(phc, secret, cost);
    };
    const Verdict verdict = co_await impl_->run<Verdict>(std::move(job));
    co_return verdict;
}

const std::string& Hasher::decoy() const {
    return impl_->decoy;
}

}  // namespace password
