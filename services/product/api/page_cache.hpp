#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "http/message.hpp"
#include "net/event.hpp"
#include "net/net.hpp"

namespace product::api {

/// Pages of lists as they were answered a moment ago. Nothing is invalidated across pods: a page is
/// at most `lifetime` old, and this pod's own writes forget all. What is sold is decided by
/// reservations, which never look here. Lives on the loop; bounded by bytes, oldest out first.
class PageCache {
  public:
    struct Limits {
        std::chrono::milliseconds lifetime{1000};  ///< 0: keeps nothing
        std::size_t bytes_max = 16 << 20;
    };

    PageCache(net::Executor executor, Limits limits)
        : executor_(std::move(executor)), limits_(limits) {}

    using Make = std::function<net::awaitable<http::Response>()>;

    /// The page that is kept under `key`, or what `make` answers now; callers of one key at once
    /// share one call. Throws what `make` threw to the one whose call it was; the others then make
    /// their own. Only answers of status 200 are kept.
    net::awaitable<http::Response> get(std::string key, Make make, net::Deadline deadline);

    /// After a write: nothing older is shown by this pod. A page that is being made is not kept.
    void forget();

  private:
    struct Page {
        std::string key;
        http::Response response;
        net::Deadline expires;
    };
    using Pages = std::list<Page>;  ///< oldest first

    std::size_t size_of(const Page& page) const;
    void keep(std::string key, const http::Response& response);
    void drop(Pages::iterator page);

    net::Executor executor_;
    Limits limits_;
    Pages pages_;
    std::unordered_map<std::string, Pages::iterator> by_key_;
    std::unordered_map<std::string, std::shared_ptr<net::Event>> being_made_;
    std::size_t bytes_ = 0;
    std::uint64_t writes_ = 0;
};

}  // namespace product::api
