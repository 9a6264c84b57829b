#include "cli/preflight/clean_up.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "net/event.hpp"

namespace cli::preflight {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds one_try{3000};
constexpr milliseconds ask_every{100};
/// What is left of the time is the product's.
constexpr milliseconds sale_time = clean_up_time / 2;

struct Wish {
    std::string method;
    std::string target;
    std::string body;
    std::string key;
};

bool may_get_better(int status) {
    return status == 0 || status == 429 || status >= 500;
}

bool is_time_for_another(net::Deadline until) {
    return net::SteadyClock::now() + ask_every < until;
}

/// As an admin; the last answer, whose status is 0 if none came.
net::awaitable<Answer> insist(ScratchShop& shop, Wish wish, net::Deadline until) {
    while (true) {
        const auto deadline = std::min(until, net::deadline_in(one_try));
        Answer answer;
        try {
            answer = co_await shop.ask(
                ScratchShop::Person::admin, wish.method, wish.target, wish.body, wish.key, deadline
            );
        } catch (const http::TransportError& error) {
            answer.described = error.what();
        }
        if (!may_get_better(answer.status) || !is_time_for_another(until)) co_return answer;
        co_await net::sleep_for(ask_every);
    }
}

/// Learns the id of what was asked for without an answer. Returns what went wrong, empty if
/// nothing did.
net::awaitable<std::string> identify(
    ScratchShop& shop, ScratchThing& thing, std::string target, net::Deadline until
) {
    if (!thing.may_exist || !thing.id.empty()) co_return "";
    Wish wish{"POST", std::move(target), thing.body, thing.key};
    const Answer made = co_await insist(shop, std::move(wish), until);
    if (made.status != 200 && made.status != 201) {
        thing.may_exist = may_get_better(made.status);
        co_return thing.may_exist ? made.described : "";
    }
    thing.id = made.text("id");
    co_return thing.id.empty() ? "the answer has no id" : "";
}

/// Until it has ended: one that is still being prepared can't be ended yet, and would open later.
net::awaitable<std::string> end_sale(ScratchShop& shop, Scratch& scratch, net::Deadline until) {
    std::string trouble = co_await identify(shop, scratch.sale, "/api/v1/flash-sales", until);
    if (!trouble.empty() || !scratch.sale.may_exist) co_return trouble;
    while (true) {
        Wish end{"POST", scratch.sale_target() + "/end", "{}", ""};
        const Answer ended = co_await insist(shop, std::move(end), until);
        if (ended.status == 200 || ended.code() == "settled") co_return "";
        if (ended.code() != "not_open" || !is_time_for_another(until)) co_return ended.described;
        Wish look{"GET", scratch.sale_target(), "", ""};
        const Answer seen = co_await insist(shop, std::move(look), until);
        if (seen.text("state") == "refused") co_return "";
        co_await net::sleep_for(ask_every);
    }
}

net::awaitable<std::string> archive(ScratchShop& shop, Scratch& scratch, net::Deadline until) {
    std::string trouble = co_await identify(shop, scratch.product, "/api/v1/products", until);
    if (!trouble.empty() || !scratch.product.may_exist) co_return trouble;
    Wish hide{"PATCH", scratch.product_target(), R"({"archived":true})", ""};
    const Answer hidden = co_await insist(shop, std::move(hide), until);
    co_return hidden.status == 200 ? "" : hidden.described;
}

void add_trouble(Judgement& judgement, std::string found, std::string fix) {
    const bool is_first = judgement.verdict != Verdict::failed;
    judgement.verdict = Verdict::failed;
    judgement.found = is_first ? std::move(found) : judgement.found + "; " + found;
    judgement.fix = is_first ? std::move(fix) : judgement.fix + "; " + fix;
}

}  // namespace

net::awaitable<Judgement> clean_up(ScratchShop& shop, Scratch scratch) {
    const auto end = net::deadline_in(clean_up_time);
    const std::string of_sale = co_await end_sale(shop, scratch, net::deadline_in(sale_time));
    const std::string of_product = co_await archive(shop, scratch, end);
    Judgement judgement =
        ok(scratch.sale.id.empty()
               ? "product archived"
               : fmt::format("product archived; sale {} stays on record", scratch.sale.id));
    if (!of_sale.empty()) {
        const std::string& id = scratch.sale.id;
        add_trouble(
            judgement,
            "the scratch sale may be open: " + of_sale,
            id.empty() ? "look for it among the flash sales, and doorbuster sale end ID"
                       : "doorbuster sale end " + id
        );
    }
    if (!of_product.empty()) {
        const std::string by_hand =
            scratch.product.id.empty()
                ? "it is archived by the next preflight that comes so far"
                : fmt::format("archive it by hand: PATCH {}", scratch.product_target());
        add_trouble(judgement, "the scratch product may be in sight: " + of_product, by_hand);
    }
    co_return judgement;
}

}  // namespace cli::preflight
