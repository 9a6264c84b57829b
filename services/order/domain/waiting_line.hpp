#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <iterator>
#include <vector>

namespace order {

/// A waiting line before a sale's row; whoever owns it bounds it. Keeps arrival order, also for
/// entries that go back to its front because their batch decided nothing. Pure.
template <class Entry>
class WaitingLine {
  public:
    bool empty() const { return entries_.empty(); }
    std::size_t size() const { return entries_.size(); }

    void push_back(Entry entry) { entries_.push_back(std::move(entry)); }

    /// Puts entries back where they came from, in their order.
    void push_front(std::vector<Entry> entries) {
        entries_.insert(
            entries_.begin(),
            std::make_move_iterator(entries.begin()),
            std::make_move_iterator(entries.end())
        );
    }

    /// Neither may be asked of an empty line.
    const Entry& front() const { return entries_.front(); }
    Entry pop_front() {
        Entry first = std::move(entries_.front());
        entries_.pop_front();
        return first;
    }

    /// Up to `count` entries from the front.
    std::vector<Entry> take(std::size_t count) {
        const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(std::min(count, size()));
        std::vector<Entry> taken(
            std::make_move_iterator(entries_.begin()), std::make_move_iterator(end)
        );
        entries_.erase(entries_.begin(), end);
        return taken;
    }

  private:
    std::deque<Entry> entries_;
};

}  // namespace order
