#include "cli/catalogue_import/import_products.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/timestamp.hpp"
#include "base/uuid.hpp"
#include "cli/command.hpp"

namespace cli {
namespace {

constexpr std::chrono::seconds patience{3600};
// Of one statement: a few hundred kilobytes, some 100 ms.
constexpr std::size_t batch_rows = 1000;

constexpr postgres::Statement lock_imports{
    "cli_lock_imports", "SELECT pg_try_advisory_xact_lock(hashtextextended('product import', 0))"
};

constexpr postgres::Statement compare_rows{
    "cli_compare_rows",
    "SELECT given.place, p.id, p.currency = given.currency,"
    " (p.name, p.description, p.category, p.price_cents, p.image)"
    "  = (given.name, given.description, given.category, given.price_cents, given.image)"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::text[],"
    "             $7::text[]) WITH ORDINALITY"
    "      AS given(key, name, description, category, price_cents, currency, image, place)"
    " JOIN product.products AS p ON p.created_by = 'import' AND p.created_key = given.key"
    " ORDER BY given.place"
};

constexpr postgres::Statement insert_rows{
    "cli_insert_rows",
    "WITH made AS ("
    " INSERT INTO product.products (created_key, name, description, category, price_cents,"
    "        currency, image, id, stock, created_by)"
    " SELECT *, 'import' FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int8[],"
    "        $6::text[], $7::text[], $8::uuid[], $9::int8[])"
    " RETURNING id, stock)"
    "INSERT INTO product.stock_ledger"
    "       (product_id, kind, quantity, stock_after, reserved_after, actor, reason)"
    " SELECT id, 'initial', stock, stock, 0, 'import', 'catalogue import' FROM made WHERE stock > 0"
};

constexpr postgres::Statement lock_products{
    "cli_lock_products", "SELECT 1 FROM product.lock_products_v1($1)"
};

constexpr postgres::Statement update_rows{
    "cli_update_rows",
    "UPDATE product.products AS p SET name = given.name, description = given.description,"
    " category = given.category, price_cents = given.price_cents, image = given.image,"
    " version = p.version + 1, updated_at = clock_timestamp()"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::text[],"
    "             $7::text[], $8::uuid[])"
    "      AS given(key, name, description, category, price_cents, currency, image, id)"
    " WHERE p.id = given.id"
};

// A list's plans follow from what the table holds, and autovacuum may take a minute to look.
constexpr postgres::Statement analyze_products{"cli_analyze_products", "ANALYZE product.products"};

/// Thrown inside the transaction to take it back.
struct TakeBack {};

struct Change {
    base::Uuid id;
    const ImportRow* row;
};

class Import {
  public:
    Import(const std::vector<ImportRow>& rows, ImportOptions options, ImportProgress progress)
        : rows_(rows), options_(options), progress_(std::move(progress)) {}

    net::awaitable<void> run(postgres::Connection& connection) {
        const auto locked = co_await connection.query(lock_imports, {}, deadline_);
        if (!locked.boolean(0, 0)) throw Failure("another import is under way; wait for its end");
        for (std::size_t begin = 0; begin < rows_.size(); begin += batch_rows) {
            progress_("comparing", begin, rows_.size());
            co_await compare(connection, begin);
        }
        if (!outcome_.problems.empty()) throw TakeBack{};
        co_await write(connection);
        if (options_.dry_run) throw TakeBack{};
    }

    net::Deadline deadline() const { return deadline_; }
    ImportOutcome& outcome() { return outcome_; }

  private:
    /// $1 to $7 of all statements above.
    template <class Rows, class RowOf>
    static postgres::Parameters texts_of(const Rows& rows, RowOf row_of) {
        std::vector<std::string> keys;
        std::vector<std::string> names;
        std::vector<std::string> descriptions;
        std::vector<std::string> categories;
        std::vector<std::int64_t> prices_cents;
        std::vector<std::string> currencies;
        std::vector<std::string> images;
        for (const auto& each : rows) {
            const ImportRow& row = row_of(each);
            keys.push_back(row.key);
            names.push_back(row.product.name);
            descriptions.push_back(row.product.description);
            categories.push_back(row.product.category);
            prices_cents.push_back(row.product.price_cents);
            currencies.push_back(row.product.currency);
            images.push_back(row.product.image);
        }
        postgres::Parameters parameters;
        parameters.text_array(keys)
            .text_array(names)
            .text_array(descriptions)
            .text_array(categories)
            .int8_array(prices_cents)
            .text_array(currencies)
            .text_array(images);
        return parameters;
    }

    static const ImportRow& row_itself(const ImportRow& row) { return row; }
    static const ImportRow& row_behind(const ImportRow* row) { return *row; }
    static const ImportRow& row_of_change(const Change& change) { return *change.row; }

    net::awaitable<void> compare(postgres::Connection& connection, std::size_t begin) {
        const auto batch =
            std::span(rows_).subspan(begin, std::min(batch_rows, rows_.size() - begin));
        const auto parameters = texts_of(batch, row_itself);
        const auto known = co_await connection.query(compare_rows, parameters, deadline_);
        std::size_t place = 0;
        for (std::size_t row = 0; row < known.rows(); ++row) {
            const auto at = static_cast<std::size_t>(known.integer(row, 0) - 1);
            for (; place < at; ++place) new_.push_back(&batch[place]);
            judge(batch[place++], known.uuid(row, 1), known.boolean(row, 2), known.boolean(row, 3));
        }
        for (; place < batch.size(); ++place) new_.push_back(&batch[place]);
    }

    void judge(const ImportRow& row, base::Uuid id, bool same_currency, bool same_texts) {
        if (!same_currency) {
            outcome_.problems.push_back(
                {row.line,
                 "currency",
                 fmt::format("product {} has another one, which can't be changed", id.to_string())}
            );
        } else if (same_texts) {
            ++outcome_.unchanged;
        } else if (options_.update) {
            changes_.push_back({id, &row});
        } else {
            outcome_.problems.push_back(
                {row.line,
                 "key",
                 fmt::format(
                     "product {} was imported under it and is another now; --update changes it",
                     id.to_string()
                 )}
            );
        }
    }

    net::awaitable<void> write(postgres::Connection& connection) {
        const std::size_t total = new_.size() + changes_.size();
        for (std::size_t begin = 0; begin < new_.size(); begin += batch_rows) {
            progress_("writing", begin, total);
            co_await insert(connection, begin);
        }
        std::sort(changes_.begin(), changes_.end(), [](const Change& left, const Change& right) {
            return left.id < right.id;
        });
        for (std::size_t begin = 0; begin < changes_.size(); begin += batch_rows) {
            progress_("writing", new_.size() + begin, total);
            co_await update(connection, begin);
        }
        outcome_.created = static_cast<std::int64_t>(new_.size());
        outcome_.changed = static_cast<std::int64_t>(changes_.size());
    }

    net::awaitable<void> insert(postgres::Connection& connection, std::size_t begin) {
        const auto batch =
            std::span(new_).subspan(begin, std::min(batch_rows, new_.size() - begin));
        std::vector<base::Uuid> ids;
        std::vector<std::int64_t> stocks;
        const std::int64_t now_ms = base::unix_now_ms();
        for (const ImportRow* row : batch) {
            ids.push_back(ids_.next(now_ms));
            stocks.push_back(row->product.initial_stock);
        }
        auto parameters = texts_of(batch, row_behind);
        parameters.uuid_array(ids).int8_array(stocks);
        co_await connection.query(insert_rows, parameters, deadline_);
    }

    net::awaitable<void> update(postgres::Connection& connection, std::size_t begin) {
        const auto batch =
            std::span(changes_).subspan(begin, std::min(batch_rows, changes_.size() - begin));
        std::vector<base::Uuid> ids;
        for (const Change& change : batch) ids.push_back(change.id);
        postgres::Parameters locked;
        locked.uuid_array(ids);
        co_await connection.query(lock_products, locked, deadline_);
        auto parameters = texts_of(batch, row_of_change);
        parameters.uuid_array(ids);
        co_await connection.query(update_rows, parameters, deadline_);
    }

    const std::vector<ImportRow>& rows_;
    ImportOptions options_;
    ImportProgress progress_;
    net::Deadline deadline_ = net::deadline_in(patience);
    base::UuidGenerator ids_;
    std::vector<const ImportRow*> new_;
    std::vector<Change> changes_;
    ImportOutcome outcome_;
};

}  // namespace

net::awaitable<ImportOutcome> import_products(
    postgres::Pool& pool,
    const std::vector<ImportRow>& rows,
    ImportOptions options,
    ImportProgress progress
) {
    Import import(rows, options, std::move(progress));
    postgres::Pool::Work work = [&import](postgres::Connection& connection) {
        return import.run(connection);
    };
    bool taken_back = false;
    try {
        co_await pool.transact(std::move(work), import.deadline());
    } catch (const TakeBack&) {
        taken_back = true;
    }
    if (!taken_back && import.outcome().created + import.outcome().changed > 0) {
        co_await pool.query(analyze_products, {}, import.deadline());
    }
    co_return std::move(import.outcome());
}

}  // namespace cli
