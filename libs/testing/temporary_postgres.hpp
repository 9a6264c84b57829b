#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace testing {

/// A private PostgreSQL on a free loopback port, in a temporary folder, gone with this object.
/// Starts in about a second. As root it runs as the user `postgres`. Durability is on (fsync), so
/// that what is tested is what is run.
class TemporaryPostgres {
  public:
    TemporaryPostgres();
    ~TemporaryPostgres();
    TemporaryPostgres(const TemporaryPostgres&) = delete;
    TemporaryPostgres& operator=(const TemporaryPostgres&) = delete;

    /// Of the superuser, database "doorbuster".
    std::string url() const;
    std::uint16_t port() const;

    void stop_immediately();  ///< as a crash: pg_ctl stop -m immediate
    void start();

    void create_database(const std::string& name);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// One server for all tests of a program, made on first use.
TemporaryPostgres& shared_postgres();

/// A fresh database on the shared server; returns its URL.
std::string make_database(const std::string& prefix);

}  // namespace testing
