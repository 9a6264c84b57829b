#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace base {

/// Reads a process's configuration from environment variables, collecting every problem before
/// any is reported, and remembering every variable so that `--help` can list them.
/// A variable NAME may instead be given as NAME_FILE: the value is then that file's content
/// without its trailing newline (for mounted secrets).
class Environment {
  public:
    /// `lookup` returns the value of a variable or nullopt; defaults to getenv.
    using Lookup = std::function<std::optional<std::string>(const std::string& name)>;

    struct Variable {
        std::string name;
        std::string meaning;
        std::string fallback;  ///< shown in --help
        bool secret = false;
        bool required = false;
    };

    Environment();
    explicit Environment(Lookup lookup);

    /// Required text; a missing one is a problem that names the variable and its meaning.
    std::string text(const std::string& name, const std::string& meaning);
    std::string text_or(
        const std::string& name, const std::string& fallback, const std::string& meaning
    );
    /// Required secret of at least `bytes_min` bytes: never shown, never defaulted.
    std::string secret(const std::string& name, std::size_t bytes_min, const std::string& meaning);
    /// A secret that a deployment may leave out; empty when absent. `missing_file`: whether
    /// NAME_FILE may name a file that isn't there, as with a key of a mounted secret that comes and
    /// goes.
    enum class MissingFile { is_a_problem, is_absent };
    std::string optional_secret(
        const std::string& name,
        const std::string& meaning,
        MissingFile missing_file = MissingFile::is_a_problem
    );
    /// Where the value of a variable is read from, for who reads it again when it changes; nullopt
    /// if it isn't given as a file.
    std::optional<std::string> file_of(const std::string& name) const;
    std::int64_t integer_or(
        const std::string& name,
        std::int64_t fallback,
        std::int64_t low,
        std::int64_t high,
        const std::string& meaning
    );
    bool flag_or(const std::string& name, bool fallback, const std::string& meaning);

    /// Adds a problem found by the caller while reading a value further.
    void problem(const std::string& name, const std::string& what, const std::string& how_to_fix);

    const std::vector<std::string>& problems() const { return problems_; }
    const std::vector<Variable>& variables() const { return variables_; }

    /// A table of all variables read so far, for --help.
    std::string describe() const;

  private:
    /// nullopt if unset or empty, or if NAME_FILE can't be used: then a problem has been added.
    std::optional<std::string> value(const std::string& name);
    std::optional<std::string> file_content(const std::string& name, const std::string& path);
    /// The value of a required variable, or empty with a problem added.
    std::string required(const Variable& variable);
    /// Adds a problem if `secret` is one that people leave in by mistake.
    bool is_obvious(const std::string& name, const std::string& secret);

    Lookup lookup_;
    std::vector<std::string> problems_;
    std::vector<Variable> variables_;
};

}  // namespace base
