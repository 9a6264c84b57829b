#include "crowd/tally.hpp"

namespace crowd {

void increase(Counts& counts, std::string_view name) {
    const auto found = counts.find(name);
    if (found != counts.end()) {
        ++found->second;
    } else {
        counts.emplace(name, 1);
    }
}

void Tally::count(Kind kind, std::string_view answer) {
    increase(answers[static_cast<std::size_t>(kind)], answer);
}

void Tally::purchased(net::Deadline start, net::Deadline now, std::int64_t quantity) {
    using std::chrono::duration_cast;
    using std::chrono::microseconds;
    if (purchases == 0) {
        first_purchase = now;
    } else if (duration_cast<microseconds>(now - last_purchase) > longest_gap) {
        longest_gap = duration_cast<microseconds>(now - last_purchase);
        longest_gap_began = last_purchase;
    }
    last_purchase = now;
    ++purchases;
    units += static_cast<std::uint64_t>(quantity);
    const auto second =
        static_cast<std::size_t>(duration_cast<std::chrono::seconds>(now - start).count());
    if (purchases_by_second.size() <= second) purchases_by_second.resize(second + 1);
    ++purchases_by_second[second];
}

}  // namespace crowd
