#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <iterator>
#include <vector>

namespace order {

/// The bounded waiting line before a sale's row. Keeps arrival order, also for entries that go back
/// to its front because their batch decided nothing. Pure: time is passed in.
template <class Entry>
class WaitingLine {
  public:
    explicit WaitingLine(std::size_t entries_max) : entries_max_(entries_max) {}

    bool has_room() const { return entries_.size() < entries_max_; }
    bool empty() const { return entries_.empty(); }
    std::size_t size() const { return entries_.size(); }

    void push_back(Entry entry) { entries_.push_back(std::move(entry)); }

    /// Puts entries back where they came from, in their order; not bounded, as they were inside.
    void push_front(std::vector<Entry> entries) {
        entries_.insert(
            entries_.begin(),
            std::make_move_iterator(entries.begin()),
            std::make_move_iterator(entries.end())
        );
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

    /// Removes and returns what `gone` says is not wanted any more.
    std::vector<Entry> remove_if(const std::function<bool(const Entry&)>& gone) {
        std::vector<Entry> removed;
        std::deque<Entry> kept;
        for (Entry& entry : entries_) {
            if (gone(entry)) {
                removed.push_back(std::move(entry));
            } else {
                kept.push_back(std::move(entry));
            }
        }
        entries_.swap(kept);
        return removed;
    }

  private:
    std::size_t entries_max_;
    std::deque<Entry> entries_;
};

}  // namespace order
