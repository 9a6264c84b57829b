#include "auth/store/key_files.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

namespace auth {
namespace {

constexpr std::size_t file_bytes_max = 64 * 1024;

/// Empty if there is no such file; the error is why one that is there can't be read.
std::expected<std::string, std::string> content_of(const std::string& path) {
    if (path.empty()) return std::string();
    std::string content(file_bytes_max, '\0');
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT) return std::string();
    std::size_t held = 0;
    ssize_t count = file < 0 ? -1 : 1;
    while (count > 0 && held < content.size()) {
        count = ::read(file, content.data() + held, content.size() - held);
        if (count > 0) held += static_cast<std::size_t>(count);
    }
    const int problem = errno;
    if (file >= 0) ::close(file);
    if (count < 0) {
        return std::unexpected(
            fmt::format("{} can't be read: {}", path, std::generic_category().message(problem))
        );
    }
    content.resize(held);
    return content;
}

// What changes when a file is written or another one takes its place, also behind a symbolic link,
// or when its owner or mode is another one.
std::string mark_of(const std::string& path) {
    struct stat found{};
    if (path.empty() || ::stat(path.c_str(), &found) != 0) return "none;";
    return fmt::format(
        "{} {} {} {}.{} {}.{};",
        found.st_dev,
        found.st_ino,
        found.st_size,
        found.st_mtim.tv_sec,
        found.st_mtim.tv_nsec,
        found.st_ctim.tv_sec,
        found.st_ctim.tv_nsec
    );
}

}  // namespace

KeyFiles::Keys read_keys(std::string_view signing_pem, std::string_view other_pem) {
    KeyFiles::Keys keys;
    keys.push_back(token::SigningKey::from_pem(signing_pem));
    if (other_pem.empty()) return keys;
    auto others = token::SigningKey::all_from_pem(other_pem);
    if (others.size() > other_keys_max) {
        throw std::runtime_error(fmt::format("more than {} other keys", other_keys_max));
    }
    for (auto& key : others) keys.push_back(std::move(key));
    return keys;
}

std::string KeyFiles::fingerprint() const {
    return mark_of(signing_path_) + mark_of(other_path_);
}

std::expected<std::optional<KeyFiles::Keys>, std::string> KeyFiles::read_if_changed() {
    const std::string before = fingerprint();
    if (before == last_read_) return std::nullopt;
    const auto signing_pem = content_of(signing_path_);
    const auto other_pem = content_of(other_path_);
    // Half of one change and half of the next one are no set of keys.
    if (fingerprint() != before) return std::unexpected("they are being changed right now");
    if (!signing_pem) return std::unexpected(signing_pem.error());
    if (!other_pem) return std::unexpected(other_pem.error());
    try {
        auto keys = read_keys(*signing_pem, *other_pem);
        last_read_ = before;
        return keys;
    } catch (const std::runtime_error& error) {
        return std::unexpected(error.what());
    }
}

}  // namespace auth
