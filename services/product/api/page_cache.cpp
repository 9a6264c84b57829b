#include "product/api/page_cache.hpp"

#include <iterator>
#include <utility>

namespace product::api {

net::awaitable<http::Response> PageCache::get(std::string key, Make make, net::Deadline deadline) {
    if (limits_.lifetime.count() == 0) co_return co_await make();
    while (true) {
        const auto kept = by_key_.find(key);
        if (kept != by_key_.end() && kept->second->expires > net::SteadyClock::now()) {
            co_return kept->second->response;
        }
        const auto making = being_made_.find(key);
        if (making == being_made_.end()) break;
        const auto made = making->second;
        const bool notified = co_await made->wait_until(deadline);
        if (!notified) break;  // too late for anything but one's own call, which will say so
    }
    struct Making {
        PageCache& cache;
        const std::string& key;
        std::shared_ptr<net::Event> made;
        ~Making() {
            const auto found = cache.being_made_.find(key);
            if (found != cache.being_made_.end() && found->second == made) {
                cache.being_made_.erase(found);
            }
            made->notify();
        }
    };
    const Making making{*this, key, std::make_shared<net::Event>(executor_)};
    being_made_.try_emplace(key, making.made);
    const std::uint64_t writes_before = writes_;
    http::Response response = co_await make();
    if (response.status == 200 && writes_ == writes_before) keep(key, response);
    co_return response;
}

void PageCache::forget() {
    ++writes_;
    pages_.clear();
    by_key_.clear();
    bytes_ = 0;
    // Whoever comes now must not wait for a page that was begun before the write.
    being_made_.clear();
}

std::size_t PageCache::size_of(const Page& page) const {
    // A page's nodes and headers are small beside its body; the key is there twice.
    return page.response.body.size() + 2 * page.key.size() + sizeof(Page) + 512;
}

void PageCache::keep(std::string key, const http::Response& response) {
    const auto known = by_key_.find(key);
    if (known != by_key_.end()) drop(known->second);
    const auto now = net::SteadyClock::now();
    while (!pages_.empty() && pages_.front().expires <= now) drop(pages_.begin());
    Page page{std::move(key), response, now + limits_.lifetime};
    const std::size_t size = size_of(page);
    if (size > limits_.bytes_max / 8) return;  // a few huge pages must not push out all others
    while (bytes_ + size > limits_.bytes_max) drop(pages_.begin());
    bytes_ += size;
    pages_.push_back(std::move(page));
    by_key_[pages_.back().key] = std::prev(pages_.end());
}

void PageCache::drop(Pages::iterator page) {
    bytes_ -= size_of(*page);
    by_key_.erase(page->key);
    pages_.erase(page);
}

}  // namespace product::api
