#include "order/store/sale_store.hpp"

#include "base/assertion.hpp"

namespace order {
namespace {

constexpr postgres::Statement apply_statement{
    "sale_apply",
    R"(SELECT status, fence, seq, wrote, state, sold_out, remaining, at_us, expires_at_us,
              next_expiry_us, take_outcomes, take_order_ids, take_remaining, return_outcomes
       FROM orders.sale_apply_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11))"
};

constexpr postgres::Statement fence_statement{
    "sale_fence",
    R"(SELECT state, fence, seq, remaining, sold_out, sold, released
       FROM orders.sale_fence_v1($1))"
};

constexpr postgres::Statement end_blockers_statement{
    "sale_end_blockers", "SELECT orders.sale_end_blockers_v1($1, $2)"
};

constexpr postgres::Statement peek_statement{
    "sale_peek",
    R"(SELECT status, state, fence, seq, remaining, sold_out, sold, released, refusal, at_us,
              next_expiry_us, known_ids, known_fingerprints
       FROM orders.sale_peek_v1($1, $2, $3))"
};

constexpr postgres::Statement create_statement{
    "sale_create",
    R"(SELECT status, id FROM orders.sale_create_v1(
           $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14))"
};

constexpr postgres::Statement open_statement{"sale_open", "SELECT orders.sale_open_v1($1, $2)"};

constexpr postgres::Statement control_statement{
    "sale_control",
    R"(SELECT status, state, fence, seq, remaining, sold_out, sold, released
       FROM orders.sale_control_v1($1, $2, $3))"
};

constexpr postgres::Statement settle_statement{
    "sale_settle", "SELECT settled, still_open FROM orders.sale_settle_v1($1)"
};

constexpr postgres::Statement find_statement{
    "sale_find", "SELECT * FROM orders.sale_standings s WHERE s.id = ANY ($1)"
};

constexpr postgres::Statement list_statement{
    "sale_list",
    R"(SELECT * FROM orders.sale_standings s
       WHERE $1::uuid IS NULL OR s.sale_no < (SELECT c.sale_no FROM orders.sales c WHERE c.id = $1)
       ORDER BY s.sale_no DESC LIMIT $2)"
};

constexpr postgres::Statement due_statement{
    "sale_due", "SELECT sale_id, what FROM orders.sale_due_v1($1)"
};

constexpr postgres::Statement clock_statement{
    "sale_clock", "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
};

/// A transaction that has had the row for longer than this is not a batch at work.
constexpr std::int64_t blocker_older_ms = 1000;

/// The shared tail of a standing's columns: seq, remaining, sold_out, sold, released follow state
/// and fence.
SaleStanding read_standing(const postgres::Result& result, int first_column) {
    SaleStanding standing;
    standing.state = static_cast<SaleState>(result.integer(0, first_column));
    standing.fence = result.integer(0, first_column + 1);
    standing.seq = result.integer(0, first_column + 2);
    standing.remaining = result.integer(0, first_column + 3);
    standing.sold_out = result.boolean(0, first_column + 4);
    standing.sold = result.integer(0, first_column + 5);
    standing.released = result.integer(0, first_column + 6);
    return standing;
}

/// A row of the view orders.sale_standings.
Sale read_sale(const postgres::Result& result, std::size_t row) {
    Sale sale;
    SaleTerms& terms = sale.terms;
    terms.id = result.uuid(row, 0);
    terms.product_id = result.uuid(row, 1);
    terms.name = result.text(row, 2);
    terms.unit_price_cents = result.integer(row, 3);
    terms.currency = result.text(row, 4);
    terms.allotted = result.integer(row, 5);
    terms.units_per_customer = result.integer(row, 6);
    terms.holds_per_customer = result.integer(row, 7);
    terms.hold_ms = result.integer(row, 8);
    terms.starts_at_ms = result.timestamp_ms(row, 9);
    terms.ends_at_ms = result.timestamp_ms(row, 10);
    terms.created_at_ms = result.timestamp_ms(row, 11);
    SaleStanding& standing = sale.standing;
    standing.state = static_cast<SaleState>(result.integer(row, 12));
    standing.fence = result.integer(row, 13);
    standing.seq = result.integer(row, 14);
    standing.remaining = result.integer(row, 15);
    standing.sold_out = result.boolean(row, 16);
    standing.sold = result.integer(row, 17);
    standing.released = result.integer(row, 18);
    standing.refusal = result.text(row, 19);
    return sale;
}

void add_takes(postgres::Parameters& parameters, const std::vector<Take>& takes) {
    std::vector<base::Uuid> order_ids;
    std::vector<base::Uuid> customers;
    std::vector<base::Uuid> keys;
    std::vector<base::Uuid> fingerprints;
    std::vector<std::int32_t> quantities;
    std::vector<std::int64_t> deadlines_us;
    order_ids.reserve(takes.size());
    customers.reserve(takes.size());
    keys.reserve(takes.size());
    fingerprints.reserve(takes.size());
    quantities.reserve(takes.size());
    deadlines_us.reserve(takes.size());
    for (const Take& take : takes) {
        order_ids.push_back(take.order_id);
        customers.push_back(take.customer_id);
        keys.push_back(take.key);
        fingerprints.push_back(take.fingerprint);
        quantities.push_back(take.quantity);
        deadlines_us.push_back(take.deadline_us);
    }
    parameters.uuid_array(order_ids)
        .uuid_array(customers)
        .uuid_array(keys)
        .uuid_array(fingerprints)
        .int4_array(quantities)
        .int8_array(deadlines_us);
}

void add_returns(postgres::Parameters& parameters, const std::vector<Return>& returns) {
    std::vector<base::Uuid> order_ids;
    std::vector<base::Uuid> customers;
    order_ids.reserve(returns.size());
    customers.reserve(returns.size());
    for (const Return& wish : returns) {
        order_ids.push_back(wish.order_id);
        customers.push_back(wish.customer_id);
    }
    parameters.uuid_array(order_ids).uuid_array(customers);
}

void read_takes(const postgres::Result& row, BatchResult& result) {
    const auto outcomes = row.integer_array(0, 10);
    const auto order_ids = row.uuid_array(0, 11);
    const auto remaining = row.integer_array(0, 12);
    DOORBUSTER_ASSERT(outcomes.size() == order_ids.size());
    DOORBUSTER_ASSERT(outcomes.size() == remaining.size());
    result.takes.reserve(outcomes.size());
    for (std::size_t index = 0; index < outcomes.size(); ++index) {
        result.takes.push_back(
            {.outcome = static_cast<TakeOutcome>(outcomes[index]),
             .order_id = order_ids[index],
             .remaining = remaining[index]}
        );
    }
    for (const std::int64_t outcome : row.integer_array(0, 13)) {
        result.returns.push_back(static_cast<ReturnOutcome>(outcome));
    }
}

}  // namespace

net::awaitable<BatchResult> SaleStore::apply(
    postgres::Connection& connection,
    const base::Uuid& sale,
    std::int64_t fence,
    BatchMode mode,
    const std::vector<Take>& takes,
    const std::vector<Return>& returns,
    net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(sale).int8(fence).int4(static_cast<std::int32_t>(mode));
    add_takes(parameters, takes);
    add_returns(parameters, returns);
    const postgres::Result row = co_await connection.query(apply_statement, parameters, deadline);

    BatchResult result;
    result.status = static_cast<BatchResult::Status>(row.integer(0, 0));
    if (result.status == BatchResult::Status::no_such_sale) co_return result;
    result.fence = row.integer(0, 1);
    result.seq = row.integer(0, 2);
    result.wrote = row.boolean(0, 3);
    result.state = static_cast<SaleState>(row.integer(0, 4));
    result.sold_out = row.boolean(0, 5);
    result.remaining = row.integer(0, 6);
    result.at_us = row.integer(0, 7);
    result.expires_at_us = row.integer(0, 8);
    result.next_expiry_us = row.optional_integer(0, 9);
    if (result.status == BatchResult::Status::fenced) co_return result;
    read_takes(row, result);
    DOORBUSTER_ASSERT(result.takes.size() == takes.size());
    DOORBUSTER_ASSERT(result.returns.size() == returns.size());
    co_return result;
}

net::awaitable<std::optional<SaleStanding>> SaleStore::raise_fence(
    postgres::Connection& connection, const base::Uuid& sale, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(sale);
    const auto result = co_await connection.query(fence_statement, parameters, deadline);
    if (result.empty()) co_return std::nullopt;
    co_return read_standing(result, 0);
}

net::awaitable<int> SaleStore::end_blockers(const base::Uuid& sale, net::Deadline deadline) {
    postgres::Parameters parameters;
    parameters.uuid(sale).int8(blocker_older_ms);
    const auto result = co_await pool_.query(end_blockers_statement, parameters, deadline);
    co_return static_cast<int>(result.integer(0, 0));
}

net::awaitable<std::optional<Peek>> SaleStore::read(
    const base::Uuid& sale, net::Deadline deadline
) {
    const std::vector<KeyQuestion> none;
    co_return co_await peek(sale, none, deadline);
}

net::awaitable<std::optional<Peek>> SaleStore::peek(
    const base::Uuid& sale, const std::vector<KeyQuestion>& questions, net::Deadline deadline
) {
    std::vector<base::Uuid> customers;
    std::vector<base::Uuid> keys;
    customers.reserve(questions.size());
    keys.reserve(questions.size());
    for (const KeyQuestion& question : questions) {
        customers.push_back(question.customer_id);
        keys.push_back(question.key);
    }
    postgres::Parameters parameters;
    parameters.uuid(sale).uuid_array(customers).uuid_array(keys);
    const auto row = co_await pool_.query(peek_statement, parameters, deadline);
    if (row.integer(0, 0) != 0) co_return std::nullopt;

    Peek peek;
    peek.standing = read_standing(row, 1);
    peek.standing.refusal = row.text(0, 8);
    peek.at_us = row.integer(0, 9);
    peek.next_expiry_us = row.optional_integer(0, 10);
    const auto ids = row.uuid_array(0, 11);
    const auto fingerprints = row.uuid_array(0, 12);
    DOORBUSTER_ASSERT(ids.size() == questions.size());
    DOORBUSTER_ASSERT(fingerprints.size() == questions.size());
    peek.known.resize(ids.size());
    for (std::size_t index = 0; index < ids.size(); ++index) {
        if (ids[index].is_nil()) continue;
        peek.known[index] = Peek::Known{ids[index], fingerprints[index]};
    }
    co_return peek;
}

net::awaitable<std::expected<SaleStore::Created, SaleStore::CreateRefusal>> SaleStore::create(
    const NewSale& sale, net::Deadline deadline
) {
    constexpr int repeated = 1;
    constexpr int key_reused = 2;
    const SaleTerms& terms = sale.terms;
    postgres::Parameters parameters;
    parameters.uuid(terms.id)
        .uuid(terms.product_id)
        .text(terms.name)
        .int8(terms.unit_price_cents)
        .text(terms.currency)
        .int4(static_cast<std::int32_t>(terms.allotted))
        .int4(static_cast<std::int32_t>(terms.units_per_customer))
        .int4(static_cast<std::int32_t>(terms.holds_per_customer))
        .int8(terms.hold_ms)
        .timestamp_ms(terms.starts_at_ms)
        .timestamp_ms(terms.ends_at_ms)
        .uuid(sale.created_by)
        .uuid(sale.created_key)
        .uuid(sale.fingerprint);
    const auto row = co_await pool_.query(create_statement, parameters, deadline);
    const std::int64_t status = row.integer(0, 0);
    if (status == key_reused) co_return std::unexpected(CreateRefusal::key_reused);
    const base::Uuid id = row.uuid(0, 1);
    const std::optional<Sale> found = co_await find(id, deadline);
    DOORBUSTER_ASSERT(found.has_value());
    co_return Created{.sale = *found, .repeated = status == repeated};
}

net::awaitable<void> SaleStore::open(const base::Uuid& sale, net::Deadline deadline) {
    postgres::Parameters parameters;
    parameters.uuid(sale).optional_text(std::nullopt);
    co_await pool_.query(open_statement, parameters, deadline);
}

net::awaitable<void> SaleStore::refuse(
    const base::Uuid& sale, const std::string& why, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(sale).text(why);
    co_await pool_.query(open_statement, parameters, deadline);
}

net::awaitable<std::expected<SaleStanding, SaleStore::ControlRefusal>> SaleStore::control(
    const base::Uuid& sale, SaleAction action, const base::Uuid& actor, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(sale).int4(static_cast<std::int32_t>(action));
    if (actor.is_nil()) {
        parameters.optional_uuid(std::nullopt);
    } else {
        parameters.uuid(actor);
    }
    const auto row = co_await pool_.query(control_statement, parameters, deadline);
    switch (row.integer(0, 0)) {
        case 0:
            co_return read_standing(row, 1);
        case 1:
            co_return std::unexpected(ControlRefusal::no_such_sale);
        case 2:
            co_return std::unexpected(ControlRefusal::not_open);
        default:
            co_return std::unexpected(ControlRefusal::settled);
    }
}

net::awaitable<SaleStore::Settlement> SaleStore::settle(
    const base::Uuid& sale, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(sale);
    const auto row = co_await pool_.query(settle_statement, parameters, deadline);
    co_return Settlement{.settled = row.boolean(0, 0), .still_open = row.integer(0, 1)};
}

net::awaitable<std::optional<Sale>> SaleStore::find(
    const base::Uuid& sale, net::Deadline deadline
) {
    postgres::Parameters parameters;
    const std::vector<base::Uuid> ids{sale};
    parameters.uuid_array(ids);
    const auto result = co_await pool_.query(find_statement, parameters, deadline);
    if (result.empty()) co_return std::nullopt;
    co_return read_sale(result, 0);
}

net::awaitable<std::vector<Sale>> SaleStore::list(
    std::optional<base::Uuid> cursor, int limit, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.optional_uuid(cursor).int4(limit);
    const auto result = co_await pool_.query(list_statement, parameters, deadline);
    std::vector<Sale> sales;
    sales.reserve(result.rows());
    for (std::size_t row = 0; row < result.rows(); ++row) sales.push_back(read_sale(result, row));
    co_return sales;
}

net::awaitable<SaleStore::DueSales> SaleStore::due(std::int64_t age_ms, net::Deadline deadline) {
    postgres::Parameters parameters;
    parameters.int8(age_ms);
    const auto result = co_await pool_.query(due_statement, parameters, deadline);
    DueSales due;
    std::vector<base::Uuid> preparing;
    for (std::size_t row = 0; row < result.rows(); ++row) {
        const base::Uuid id = result.uuid(row, 0);
        const std::int64_t what = result.integer(row, 1);
        if (what == 0) preparing.push_back(id);
        if (what == 1) due.over.push_back(id);
        if (what == 2) due.draining.push_back(id);
        if (what == 3) due.reclaimable.push_back(id);
    }
    if (!preparing.empty()) {
        postgres::Parameters ids;
        ids.uuid_array(preparing);
        const auto sales = co_await pool_.query(find_statement, ids, deadline);
        for (std::size_t row = 0; row < sales.rows(); ++row) {
            due.preparing.push_back(read_sale(sales, row));
        }
    }
    co_return due;
}

net::awaitable<std::int64_t> SaleStore::clock_us(net::Deadline deadline) {
    const postgres::Parameters none;
    const auto result = co_await pool_.query(clock_statement, none, deadline);
    co_return result.integer(0, 0);
}

}  // namespace order
