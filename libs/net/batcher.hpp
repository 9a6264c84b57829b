#pragma once

#include <cstddef>
#include <deque>
#include <exception>
#include <expected>
#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/co_spawn.hpp>

#include "base/assertion.hpp"
#include "net/net.hpp"
#include "net/one_shot.hpp"
#include "net/pace.hpp"

namespace net {

/// Turns single calls into batches: whatever queued up while one batch was under
/// way is the next batch. At low load a batch has one item; at high load the cost of a round trip
/// and a commit is shared by up to `batch_max` callers.
///
/// With `interval_min` batches begin at least so far apart: fewer and larger ones under load, and
/// no wait for who comes later than that.
///
/// `work` receives the items in arrival order and returns one outcome per item; if it throws, each
/// caller of that batch gets the exception. At most one batch is under way. Owned by one loop;
/// must outlive its callers: those that still wait when it or the loop ends are destroyed with it.
template <class Item, class Outcome>
class Batcher {
  public:
    using Work = std::function<awaitable<std::vector<Outcome>>(std::vector<Item>)>;

    Batcher(
        Executor executor,
        std::size_t queue_max,
        std::size_t batch_max,
        Work work,
        std::chrono::milliseconds interval_min = {}
    )
        : executor_(std::move(executor)),
          queue_max_(queue_max),
          batch_max_(batch_max),
          work_(std::move(work)),
          pace_(interval_min) {}
    ~Batcher() {
        for (const Waiting& waiting : queue_) waiting.reply.abandon();
    }
    Batcher(const Batcher&) = delete;
    Batcher& operator=(const Batcher&) = delete;

    /// True if another item fits; callers check first and refuse with "busy" otherwise.
    bool has_room() const { return queue_.size() < queue_max_; }

    std::size_t queued() const { return queue_.size(); }

    awaitable<Outcome> submit(Item item) {
        OneShot<Settled> reply;
        queue_.push_back({std::move(item), reply});
        if (!running_) {
            running_ = true;
            asio::co_spawn(executor_, run(), [](std::exception_ptr error) {
                if (error) std::rethrow_exception(error);
            });
        }
        Settled settled = co_await reply.wait();
        if (!settled) std::rethrow_exception(settled.error());
        co_return std::move(*settled);
    }

  private:
    using Settled = std::expected<Outcome, std::exception_ptr>;
    struct Waiting {
        Item item;
        OneShot<Settled> reply;
    };
    /// Of a batch under way; settled ones take no notice of being abandoned.
    struct Replies {
        std::vector<OneShot<Settled>> shots;
        ~Replies() {
            for (const auto& shot : shots) shot.abandon();
        }
    };

    awaitable<void> run() {
        while (!queue_.empty()) {
            if (queue_.size() < batch_max_) co_await pace_.turn();
            std::vector<Item> items;
            Replies owed;
            auto& replies = owed.shots;
            while (!queue_.empty() && items.size() < batch_max_) {
                items.push_back(std::move(queue_.front().item));
                replies.push_back(std::move(queue_.front().reply));
                queue_.pop_front();
            }
            std::vector<Outcome> outcomes;
            std::exception_ptr failure;
            try {
                outcomes = co_await work_(std::move(items));
            } catch (...) {
                failure = std::current_exception();
            }
            DOORBUSTER_ASSERT(failure || outcomes.size() == replies.size());
            for (std::size_t index = 0; index < replies.size(); ++index) {
                if (failure) {
                    replies[index].set(Settled(std::unexpect, failure));
                } else {
                    replies[index].set(Settled(std::move(outcomes[index])));
                }
            }
        }
        running_ = false;
    }

    Executor executor_;
    std::size_t queue_max_;
    std::size_t batch_max_;
    Work work_;
    Pace pace_;
    std::deque<Waiting> queue_;
    bool running_ = false;
};

}  // namespace net
