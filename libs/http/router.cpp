#include "http/router.hpp"

#include <algorithm>
#include <array>

#include "base/assertion.hpp"
#include "http/problem.hpp"

namespace http {

namespace {

constexpr std::size_t segments_max = 16;

/// The segments of a path as views into it. A path with more than fits has no route anyway.
struct Segments {
    std::array<std::string_view, segments_max> items;
    std::size_t count = 0;
    bool too_many = false;

    explicit Segments(std::string_view path) {
        if (!path.empty()) path.remove_prefix(1);
        while (true) {
            if (count == segments_max) {
                too_many = true;
                return;
            }
            const auto slash = path.find('/');
            items[count++] = path.substr(0, slash);
            if (slash == std::string_view::npos) return;
            path.remove_prefix(slash + 1);
        }
    }
};

bool is_parameter(std::string_view segment) {
    return segment.starts_with('{');
}
bool is_rest(std::string_view segment) {
    return segment == "*";
}

/// 0 literal, 1 parameter, 2 any rest: lower is more specific.
int rank(std::string_view segment) {
    return is_rest(segment) ? 2 : is_parameter(segment) ? 1 : 0;
}

bool matches(const std::vector<std::string>& pattern, const Segments& path) {
    const bool open_ended = is_rest(pattern.back());
    const auto fixed = pattern.size() - (open_ended ? 1 : 0);
    if (open_ended ? path.count <= fixed : path.count != fixed) return false;
    // From the end: all routes begin alike.
    for (std::size_t at = fixed; at-- > 0;) {
        if (is_parameter(pattern[at])) {
            if (path.items[at].empty()) return false;
        } else if (pattern[at] != path.items[at]) {
            return false;
        }
    }
    return true;
}

bool serves(std::string_view route_method, std::string_view method) {
    return route_method == method || route_method == "*" ||
           (method == "HEAD" && route_method == "GET");
}

net::awaitable<Response> answer(Response response) {
    co_return response;
}

}  // namespace

struct Router::Match {
    const Entry* entry = nullptr;
    std::string allowed;  ///< methods of the path's other routes, for 405
};

void Router::add(std::string method, std::string pattern, Handler handler, Admission admission) {
    DOORBUSTER_ASSERT(pattern.starts_with('/'));
    auto entry = std::make_unique<Entry>();
    const Segments segments(pattern);
    DOORBUSTER_ASSERT(!segments.too_many);
    entry->segments.assign(segments.items.begin(), segments.items.begin() + segments.count);
    entry->route = {std::move(method), std::move(pattern)};
    entry->handler = std::move(handler);
    entry->admission = admission;
    const auto before = [](const std::unique_ptr<Entry>& left,
                           const std::unique_ptr<Entry>& right) {
        const auto by_rank = [](const std::string& one, const std::string& other) {
            return rank(one) < rank(other);
        };
        const auto wild = [](const Entry& each) { return each.route.method == "*"; };
        if (std::ranges::lexicographical_compare(left->segments, right->segments, by_rank)) {
            return true;
        }
        if (std::ranges::lexicographical_compare(right->segments, left->segments, by_rank)) {
            return false;
        }
        return !wild(*left) && wild(*right);
    };
    const auto place = std::upper_bound(entries_.begin(), entries_.end(), entry, before);
    entries_.insert(place, std::move(entry));
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
    Match match;
    const Segments segments(path);
    if (segments.too_many) return match;
    const Entry* head_by_get = nullptr;
    std::string_view pattern;  // the most specific one; less specific ones don't count any more
    for (const auto& entry : entries_) {
        if (!matches(entry->segments, segments)) continue;
        const auto& route = entry->route;
        if (serves(route.method, method)) {
            if (method != "HEAD" || route.method != "GET") {
                match.entry = entry.get();
                return match;
            }
            if (!head_by_get) head_by_get = entry.get();
        }
        // One that matches any path doesn't make each of them known.
        if (is_rest(entry->segments.back())) continue;
        if (pattern.empty()) pattern = route.pattern;
        if (pattern == route.pattern) {
            match.allowed.append(match.allowed.empty() ? "" : ", ").append(route.method);
        }
    }
    match.entry = head_by_get;
    return match;
}

net::awaitable<Response> Router::handle(Request& request) const {
    const Match match = find(request.method, request.path);
    if (!match.entry) {
        if (match.allowed.empty()) {
            return answer(to_response(
                {.status = 404,
                 .code = "route_unknown",
                 .detail = "No such route: " + request.method + " " + request.path + "."}
            ));
        }
        auto response = to_response(
            {.status = 405,
             .code = "method_not_allowed",
             .detail = "This path takes " + match.allowed + "."}
        );
        response.headers.add("Allow", match.allowed);
        return answer(std::move(response));
    }
    const Entry& entry = *match.entry;
    request.route_pattern = entry.route.pattern;
    request.route_method = entry.route.method;
    const Segments segments(request.path);
    for (std::size_t at = 0; at < entry.segments.size(); ++at) {
        const std::string& segment = entry.segments[at];
        if (!is_parameter(segment)) continue;
        request.path_parameters.emplace_back(
            segment.substr(1, segment.size() - 2), segments.items[at]
        );
    }
    return entry.handler(request);
}

Admission Router::admission(const Request& request) const {
    const Match match = find(request.method, request.path);
    return match.entry ? match.entry->admission : Admission::common;
}

std::vector<Router::Route> Router::routes() const {
    std::vector<Route> all;
    all.reserve(entries_.size());
    for (const auto& entry : entries_) all.push_back(entry->route);
    return all;
}

}  // namespace http
