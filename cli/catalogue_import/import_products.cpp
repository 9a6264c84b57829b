#include "cli/catalogue_import/import_products.hpp"

#include <algorithm>
#include <exception>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/assertion.hpp"
#include "base/timestamp.hpp"
#include "base/uuid.hpp"
#include "cli/command.hpp"

namespace cli {
namespace {

constexpr std::chrono::seconds patience{3600};
constexpr std::chrono::seconds clean_up_patience{10};
// Of one statement: a few hundred kilobytes, some 100 ms.
constexpr std::size_t batch_rows = 1000;

constexpr postgres::Statement lock_imports{
    "cli_lock_imports", "SELECT pg_try_advisory_lock(hashtextextended('product import', 0))"
};

constexpr std::string_view drop_tables =
    "DROP TABLE IF EXISTS pg_temp.import_rows, pg_temp.import_known";

// `id` is that of a product which is still to be made.
constexpr std::string_view make_rows =
    "CREATE TEMP TABLE import_rows (line bigint PRIMARY KEY, key text, name text,"
    " description text, category text, price_cents bigint, currency text, image text, id uuid,"
    " stock bigint)";

constexpr postgres::Statement stage_rows{
    "cli_stage_rows",
    "INSERT INTO pg_temp.import_rows SELECT * FROM unnest($1::int8[], $2::text[], $3::text[],"
    " $4::text[], $5::text[], $6::int8[], $7::text[], $8::text[], $9::uuid[], $10::int8[])"
};

// Rows whose key an earlier import has made a product under, with the version it is compared at.
constexpr std::string_view compare_rows =
    "ANALYZE pg_temp.import_rows;"
    "CREATE TEMP TABLE import_known AS"
    " SELECT r.line, p.id, p.version,"
    "        CASE WHEN p.currency <> r.currency THEN 'other currency'"
    "             WHEN (p.name, p.description, p.category, p.price_cents, p.image)"
    "                  = (r.name, r.description, r.category, r.price_cents, r.image) THEN 'same'"
    "             ELSE 'differs' END AS verdict"
    "   FROM pg_temp.import_rows AS r"
    "   JOIN product.products AS p ON p.created_by = 'import' AND p.created_key = r.key;"
    "ALTER TABLE pg_temp.import_known ADD PRIMARY KEY (line);"
    "ANALYZE pg_temp.import_known";

constexpr postgres::Statement count_known{
    "cli_count_known",
    "SELECT count(*) FILTER (WHERE verdict = 'same'), count(*) FILTER (WHERE verdict = 'differs'),"
    " count(*) FROM pg_temp.import_known"
};

constexpr postgres::Statement find_refused{
    "cli_find_refused",
    "SELECT line, id, verdict, count(*) OVER () FROM pg_temp.import_known"
    " WHERE verdict = 'other currency' OR (verdict = 'differs' AND NOT $1)"
    " ORDER BY line LIMIT $2"
};

constexpr postgres::Statement insert_rows{
    "cli_insert_rows",
    "WITH made AS ("
    " INSERT INTO product.products (created_key, name, description, category, price_cents,"
    "        currency, image, id, stock, created_by)"
    " SELECT r.key, r.name, r.description, r.category, r.price_cents, r.currency, r.image, r.id,"
    "        r.stock, 'import'"
    "   FROM pg_temp.import_rows AS r LEFT JOIN pg_temp.import_known AS k ON k.line = r.line"
    "  WHERE r.line BETWEEN $1 AND $2 AND k.line IS NULL ORDER BY r.line"
    " RETURNING id, stock)"
    "INSERT INTO product.stock_ledger"
    "       (product_id, kind, quantity, stock_after, reserved_after, actor, reason)"
    " SELECT id, 'initial', stock, stock, 0, 'import', 'catalogue import' FROM made WHERE stock > 0"
};

// In id order, as whoever else locks several products does.
constexpr postgres::Statement lock_changed{
    "cli_lock_changed",
    "WITH locked AS MATERIALIZED ("
    " SELECT p.id FROM product.products AS p"
    "  WHERE p.id IN (SELECT id FROM pg_temp.import_known WHERE verdict = 'differs')"
    "  ORDER BY p.id FOR NO KEY UPDATE)"
    "SELECT count(*) FROM locked"
};

constexpr postgres::Statement find_changed_since{
    "cli_find_changed_since",
    "SELECT k.line, k.id, 'changed since', count(*) OVER () FROM pg_temp.import_known AS k"
    " LEFT JOIN product.products AS p ON p.id = k.id AND p.version = k.version"
    " WHERE k.verdict = 'differs' AND p.id IS NULL ORDER BY k.line LIMIT $1"
};

constexpr postgres::Statement update_rows{
    "cli_update_rows",
    "UPDATE product.products AS p SET name = r.name, description = r.description,"
    " category = r.category, price_cents = r.price_cents, image = r.image,"
    " version = p.version + 1, updated_at = clock_timestamp()"
    " FROM pg_temp.import_known AS k JOIN pg_temp.import_rows AS r ON r.line = k.line"
    " WHERE k.verdict = 'differs' AND p.id = k.id AND p.version = k.version"
};

std::string problem_of(std::string_view verdict, const base::Uuid& id) {
    if (verdict == "other currency") {
        return fmt::format("product {} has another one, which can't be changed", id.to_string());
    }
    if (verdict == "changed since") {
        return fmt::format(
            "product {} was changed by somebody else during this import; look at it, and import "
            "again",
            id.to_string()
        );
    }
    return fmt::format(
        "product {} was imported under it and is another now; --update changes it", id.to_string()
    );
}

class Import {
  public:
    Import(
        postgres::Connection& connection,
        const std::vector<ImportRow>& rows,
        ImportOptions options,
        ImportProgress progress
    )
        : connection_(connection), rows_(rows), options_(options), progress_(std::move(progress)) {}

    net::awaitable<void> run() {
        const auto locked = co_await connection_.query(lock_imports, {}, deadline_);
        if (!locked.boolean(0, 0)) throw Failure("another import is under way; wait for its end");
        std::exception_ptr failure;
        try {
            co_await stage();
            co_await compare();
            if (outcome_.problems.empty() && !options_.dry_run) co_await write();
        } catch (...) {
            failure = std::current_exception();
        }
        co_await clean_up();
        if (failure) std::rethrow_exception(failure);
    }

    ImportOutcome& outcome() { return outcome_; }

  private:
    std::span<const ImportRow> batch_at(std::size_t begin) const {
        return std::span(rows_).subspan(begin, std::min(batch_rows, rows_.size() - begin));
    }

    net::awaitable<void> stage() {
        co_await connection_.run(drop_tables, deadline_);
        co_await connection_.run(make_rows, deadline_);
        for (std::size_t begin = 0; begin < rows_.size(); begin += batch_rows) {
            progress_("sending", begin, rows_.size());
            const auto parameters = columns_of(batch_at(begin));
            co_await connection_.query(stage_rows, parameters, deadline_);
        }
    }

    postgres::Parameters columns_of(std::span<const ImportRow> batch) {
        std::vector<std::int64_t> lines, prices_cents, stocks;
        std::vector<std::string> keys, names, descriptions, categories, currencies, images;
        std::vector<base::Uuid> ids;
        const std::int64_t now_ms = base::unix_now_ms();
        for (const ImportRow& row : batch) {
            lines.push_back(row.line);
            keys.push_back(row.key);
            names.push_back(row.product.name);
            descriptions.push_back(row.product.description);
            categories.push_back(row.product.category);
            prices_cents.push_back(row.product.price_cents);
            currencies.push_back(row.product.currency);
            images.push_back(row.product.image);
            ids.push_back(ids_.next(now_ms));
            stocks.push_back(row.product.initial_stock);
        }
        postgres::Parameters parameters;
        parameters.int8_array(lines)
            .text_array(keys)
            .text_array(names)
            .text_array(descriptions)
            .text_array(categories)
            .int8_array(prices_cents)
            .text_array(currencies)
            .text_array(images)
            .uuid_array(ids)
            .int8_array(stocks);
        return parameters;
    }

    net::awaitable<void> compare() {
        progress_("comparing", 0, rows_.size());
        co_await connection_.run(compare_rows, deadline_);
        const auto counts = co_await connection_.query(count_known, {}, deadline_);
        outcome_.unchanged = counts.integer(0, 0);
        postgres::Parameters parameters;
        parameters.boolean(options_.update)
            .int8(static_cast<std::int64_t>(ImportProblems::kept_max));
        const auto refused = co_await connection_.query(find_refused, parameters, deadline_);
        add_problems(refused);
        if (!outcome_.problems.empty()) co_return;
        outcome_.changed = counts.integer(0, 1);
        outcome_.created = static_cast<std::int64_t>(rows_.size()) - counts.integer(0, 2);
        if (outcome_.changed > options_.changes_max) throw too_many(outcome_.changed);
    }

    Failure too_many(std::int64_t changed) const {
        return Failure(fmt::format(
            "{} products would be changed, more than {} at once: they could not be ordered for "
            "some {} s; nothing was imported. Split the file, or import it in a quiet hour with "
            "--changes-max {}",
            changed,
            options_.changes_max,
            seconds_changing(changed),
            changed
        ));
    }

    /// Line, product, verdict, and how many there are with those that are left out.
    void add_problems(const postgres::Result& found) {
        for (std::size_t row = 0; row < found.rows(); ++row) {
            const auto verdict = found.text(row, 2);
            outcome_.problems.add(
                found.integer(row, 0),
                verdict == "other currency" ? "currency" : "key",
                problem_of(verdict, found.uuid(row, 1))
            );
        }
        if (found.empty()) return;
        outcome_.problems.add_unseen(static_cast<std::size_t>(found.integer(0, 3)) - found.rows());
    }

    net::awaitable<void> write() {
        co_await connection_.run("BEGIN", deadline_);
        is_writing_ = true;
        for (std::size_t begin = 0; begin < rows_.size(); begin += batch_rows) {
            progress_("writing", begin, rows_.size());
            const auto batch = batch_at(begin);
            postgres::Parameters parameters;
            parameters.int8(batch.front().line).int8(batch.back().line);
            co_await connection_.query(insert_rows, parameters, deadline_);
        }
        if (outcome_.changed > 0) co_await change();
        if (!outcome_.problems.empty()) co_return;  // clean_up takes it back
        co_await connection_.run("COMMIT", deadline_);
        is_writing_ = false;
        // A list's plans follow from what the table holds, and autovacuum may take a minute to
        // look.
        co_await connection_.run("ANALYZE product.products", deadline_);
    }

    net::awaitable<void> change() {
        progress_("changing", 0, static_cast<std::size_t>(outcome_.changed));
        co_await connection_.query(lock_changed, {}, deadline_);
        postgres::Parameters parameters;
        parameters.int8(static_cast<std::int64_t>(ImportProblems::kept_max));
        const auto since = co_await connection_.query(find_changed_since, parameters, deadline_);
        add_problems(since);
        if (!outcome_.problems.empty()) {
            outcome_.created = outcome_.changed = 0;
            co_return;
        }
        const auto updated = co_await connection_.query(update_rows, {}, deadline_);
        DOORBUSTER_ASSERT(updated.affected() == outcome_.changed);  // they are locked and compared
    }

    /// A connection that broke has let go of everything by itself.
    net::awaitable<void> clean_up() {
        if (!connection_.is_open()) co_return;
        const auto deadline = net::deadline_in(clean_up_patience);
        if (is_writing_) co_await connection_.run("ROLLBACK", deadline);
        co_await connection_.run(drop_tables, deadline);
        co_await connection_.run(
            "SELECT pg_advisory_unlock(hashtextextended('product import', 0))", deadline
        );
    }

    postgres::Connection& connection_;
    const std::vector<ImportRow>& rows_;
    ImportOptions options_;
    ImportProgress progress_;
    net::Deadline deadline_ = net::deadline_in(patience);
    base::UuidGenerator ids_;
    ImportOutcome outcome_;
    bool is_writing_ = false;  ///< in the transaction
};

}  // namespace

net::awaitable<ImportOutcome> import_products(
    postgres::Pool& pool,
    const std::vector<ImportRow>& rows,
    ImportOptions options,
    ImportProgress progress
) {
    const auto connection = co_await pool.acquire(net::deadline_in(patience));
    Import import(*connection, rows, options, std::move(progress));
    co_await import.run();
    co_return std::move(import.outcome());
}

}  // namespace cli
