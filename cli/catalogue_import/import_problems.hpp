#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace cli {

struct ImportProblem {
    std::int64_t line = 0;
    std::string field;  ///< may be empty
    std::string what;
};

/// What is wrong with a file, in the order it was found. The first `kept_max` in full and of the
/// rest the number, so that a file of nothing but mistakes fits into memory.
class ImportProblems {
  public:
    static constexpr std::size_t kept_max = 1000;

    void add(std::int64_t line, std::string field, std::string what) {
        ++total_;
        if (kept_.size() < kept_max) kept_.push_back({line, std::move(field), std::move(what)});
    }

    /// Of `count` more nothing but their number is known.
    void add_unseen(std::size_t count) { total_ += count; }

    bool empty() const { return total_ == 0; }
    std::size_t total() const { return total_; }
    const std::vector<ImportProblem>& kept() const { return kept_; }

  private:
    std::vector<ImportProblem> kept_;
    std::size_t total_ = 0;
};

}  // namespace cli
