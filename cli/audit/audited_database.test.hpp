#pragma once

#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cli/audit/audit.hpp"
#include "postgres/migrate.hpp"
#include "testing/run_on_loop.hpp"
#include "testing/temporary_postgres.hpp"

namespace cli {

/// A number as an id that a person can tell from others.
inline std::string id(int number) {
    return fmt::format("00000000-0000-7000-8000-{:012x}", number);
}

/// A database with the schemas of order, product and payment, empty: the owner plants, the auditor
/// looks.
class AuditedDatabase {
  public:
    AuditedDatabase() {
        const std::string url = ::testing::make_database("audit");
        postgres::PoolSettings settings;
        settings.url = url;
        owner_ = std::make_unique<postgres::Pool>(loop_.get_executor(), settings, nullptr);
        execute(
            "DO $$ DECLARE r text; BEGIN FOREACH r IN ARRAY ARRAY['orders', 'product', 'payment', "
            "'auditor'] LOOP IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = r) THEN "
            "EXECUTE 'CREATE ROLE ' || r || ' LOGIN'; END IF; END LOOP; END $$"
        );
        ::testing::run_on_loop(loop_, migrate("orders", "order"));
        ::testing::run_on_loop(loop_, migrate("product", "product"));
        ::testing::run_on_loop(loop_, migrate("sandbox", "payment"));
        const std::string superuser = "//postgres@";
        settings.url =
            std::string(url).replace(url.find(superuser), superuser.size(), "//auditor@");
        auditor_ = std::make_unique<postgres::Pool>(loop_.get_executor(), settings, nullptr);
    }

    void execute(const std::string& sql) { ::testing::run_on_loop(loop_, execute_later(sql)); }
    std::int64_t number(const std::string& sql) {
        sql_.push_back(sql);
        names_.push_back(fmt::format("test_{}", names_.size()));
        const postgres::Statement statement{names_.back(), sql_.back()};
        const postgres::Parameters none;
        return ::testing::run_on_loop(loop_, owner_->query(statement, none, soon())).integer(0, 0);
    }

    postgres::Pool& auditor() { return *auditor_; }
    template <class T>
    T look_up(net::awaitable<T> work) {
        return ::testing::run_on_loop(loop_, std::move(work));
    }

    AuditReport look_at(std::optional<std::filesystem::path> log) {
        return ::testing::run_on_loop(
            loop_,
            audit(*auditor_, std::move(log), [](std::string_view, std::int64_t, std::int64_t) {})
        );
    }

    /// Expects that the flaw is found by its name, under its invariant.
    static void expect_finding(
        const AuditReport& report, int invariant, const std::string& description
    ) {
        EXPECT_FALSE(report.holds());
        bool found = false;
        for (const AuditFinding& finding : report.findings) {
            found = found || (finding.invariant == invariant &&
                              finding.description.find(description) != std::string::npos &&
                              finding.count > 0 && !finding.examples.empty());
        }
        EXPECT_TRUE(found) << "not found: " << description << "\n" << to_table(report);
    }

  private:
    static net::Deadline soon() { return net::deadline_in(std::chrono::seconds(30)); }
    static std::filesystem::path project_root() {
        auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
        while (!std::filesystem::exists(folder / "services/order/migrations")) {
            if (folder == folder.root_path()) throw std::runtime_error("no migrations folder");
            folder = folder.parent_path();
        }
        return folder;
    }
    net::awaitable<void> migrate(std::string schema, std::string room) {
        const auto steps =
            postgres::read_migrations(project_root() / "services" / room / "migrations");
        const auto connection = co_await owner_->acquire(soon());
        co_await postgres::migrate(*connection, schema, steps, soon());
    }
    net::awaitable<void> execute_later(std::string sql) {
        const auto connection = co_await owner_->acquire(soon());
        co_await connection->run(sql, soon());
    }

    net::asio::io_context loop_;
    std::unique_ptr<postgres::Pool> owner_;
    std::unique_ptr<postgres::Pool> auditor_;
    std::deque<std::string> sql_;
    std::deque<std::string> names_;
};

}  // namespace cli
