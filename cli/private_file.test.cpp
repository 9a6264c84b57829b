#include "cli/private_file.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "cli/command.hpp"

namespace cli {
namespace {

TEST(PrivateFile, is_readable_by_its_owner_only_and_replaced_whole) {
    const auto path = std::filesystem::temp_directory_path() /
                      ("private_file_test_" + std::to_string(::getpid()));
    std::ofstream(path) << "what was there, readable by all";
    ::chmod(path.c_str(), 0644);
    write_private_file(path, "secret\n");
    std::ifstream file(path);
    std::ostringstream content;
    content << file.rdbuf();
    EXPECT_EQ(content.str(), "secret\n");
    struct stat status{};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    std::filesystem::remove(path);
}

TEST(PrivateFile, tells_when_it_cannot_be_written) {
    EXPECT_THROW(write_private_file("/nonexistent/file", "x"), Failure);
}

}  // namespace
}  // namespace cli
