#include "cli/private_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "cli/command.hpp"

namespace cli {

void write_private_file(const std::string& path, const std::string& content) {
    const std::string partial = path + ".partial";
    const auto fail = [&] {
        const int reason = errno;
        ::unlink(partial.c_str());
        throw Failure(fmt::format("can't write {}: {}", path, std::strerror(reason)));
    };
    ::unlink(partial.c_str());
    const int file = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) fail();
    std::size_t written = 0;
    while (written < content.size()) {
        const auto count = ::write(file, content.data() + written, content.size() - written);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            ::close(file);
            fail();
        }
        written += static_cast<std::size_t>(count);
    }
    if (::close(file) != 0) fail();
    if (std::rename(partial.c_str(), path.c_str()) != 0) fail();
}

}  // namespace cli
