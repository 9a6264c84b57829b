#pragma once

#include <chrono>
#include <string>

#include "cli/preflight/finding.hpp"
#include "cli/preflight/scratch_shop.hpp"
#include "net/net.hpp"

namespace cli::preflight {

/// All of it, whatever time is left for the checks. With a request that is under way when a pod is
/// told to stop (10 s at most) it fits into the 30 s that Kubernetes gives.
inline constexpr std::chrono::milliseconds clean_up_time{10000};

/// What is made once however often it is asked for, thanks to its key.
struct ScratchThing {
    std::string key;
    std::string body;
    std::string id;          ///< empty: not known (yet)
    bool may_exist = false;  ///< it was made, or nobody can tell
};

/// What a smoke purchase makes and a buyer could see.
struct Scratch {
    ScratchThing product;
    ScratchThing sale;

    std::string sale_target() const { return "/api/v1/flash-sales/" + sale.id; }
    std::string product_target() const { return "/api/v1/products/" + product.id; }
};

/// Ends the sale and archives the product, each also if the other can't be; asks again while the
/// shop is away or busy, and for the id of what was asked for without an answer. Never throws for
/// what the shop does.
net::awaitable<Judgement> clean_up(ScratchShop& shop, Scratch scratch);

}  // namespace cli::preflight
