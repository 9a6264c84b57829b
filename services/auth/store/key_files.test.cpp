#include "auth/store/key_files.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

class KeyFiles : public ::testing::Test {
  protected:
    KeyFiles() { fs::create_directories(folder_); }
    ~KeyFiles() override { fs::remove_all(folder_); }

    // As whoever changes keys does it: never half of a file.
    void put(const std::string& name, const std::string& text) {
        std::ofstream(folder_ / "new") << text;
        fs::rename(folder_ / "new", folder_ / name);
    }

    fs::path folder_ = fs::path(::testing::TempDir()) /
                       ("key_files_" + std::to_string(::getpid()) + "_" +
                        ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::string first_ = token::SigningKey::generate_pem();
    std::string second_ = token::SigningKey::generate_pem();
    auth::KeyFiles files_{(folder_ / "signing").string(), (folder_ / "other").string()};
};

TEST_F(KeyFiles, are_read_when_they_change) {
    put("signing", first_);
    const auto read = files_.read_if_changed();
    ASSERT_TRUE(read && *read);
    ASSERT_EQ((*read)->size(), 1u);
    EXPECT_FALSE(files_.read_if_changed()->has_value()) << "nothing has changed";

    put("other", second_ + first_);
    const auto published = files_.read_if_changed();
    ASSERT_TRUE(published && *published);
    ASSERT_EQ((*published)->size(), 3u);
    EXPECT_EQ((**published)[0].kid(), token::SigningKey::from_pem(first_).kid());

    fs::remove(folder_ / "other");
    EXPECT_EQ((*files_.read_if_changed())->size(), 1u);
}

TEST_F(KeyFiles, are_read_again_until_they_can_be_used) {
    EXPECT_FALSE(files_.read_if_changed()) << "there is no file";
    put("signing", "no key");
    EXPECT_FALSE(files_.read_if_changed());
    EXPECT_FALSE(files_.read_if_changed());
    put("signing", first_);
    put("other", "no key");
    EXPECT_FALSE(files_.read_if_changed());
    put("other", second_);
    EXPECT_EQ((*files_.read_if_changed())->size(), 2u);
}

TEST_F(KeyFiles, that_cannot_be_read_are_not_taken_for_absent) {
    put("signing", first_);
    put("other", second_);
    ASSERT_TRUE(files_.read_if_changed());
    // Not even root reads a folder.
    fs::remove(folder_ / "other");
    fs::create_directory(folder_ / "other");
    const auto read = files_.read_if_changed();
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().find("other can't be read"), std::string::npos) << read.error();
    EXPECT_FALSE(files_.read_if_changed()) << "until it can be";
    fs::remove(folder_ / "other");
    put("other", second_);
    EXPECT_EQ((*files_.read_if_changed())->size(), 2u);
}

// As a kubelet changes a mounted secret: a link to the folder of all its files is replaced.
TEST_F(KeyFiles, may_be_behind_a_link_that_moves) {
    for (const char* name : {"a", "b"}) fs::create_directories(folder_ / name);
    std::ofstream(folder_ / "a" / "signing") << first_;
    std::ofstream(folder_ / "b" / "signing") << second_;
    fs::create_symlink("a", folder_ / "data");
    fs::create_symlink("data/signing", folder_ / "signing");
    ASSERT_TRUE(files_.read_if_changed());
    fs::create_symlink("b", folder_ / "next");
    fs::rename(folder_ / "next", folder_ / "data");
    const auto read = files_.read_if_changed();
    ASSERT_TRUE(read && *read);
    EXPECT_EQ((**read)[0].kid(), token::SigningKey::from_pem(second_).kid());
}

}  // namespace
