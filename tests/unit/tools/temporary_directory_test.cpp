// Nobody else may look into the directory, and nothing stays of it.

#include "tools/cli/temporary_directory.h"

#include <gtest/gtest.h>

namespace caponier::cli {
namespace {

namespace fs = std::filesystem;

TEST(TemporaryDirectory, BelongsToItsOwnerAlone) {
    const auto directory = TemporaryDirectory::make();

    ASSERT_TRUE(directory);
    EXPECT_EQ(fs::status(directory->file("")).permissions(), fs::perms::owner_all);
}

TEST(TemporaryDirectory, IsRemovedWithEverythingInIt) {
    fs::path path;
    {
        const auto directory = TemporaryDirectory::make();
        ASSERT_TRUE(directory);
        path = fs::path{directory->file("key")}.parent_path();
        ASSERT_TRUE(write_file(directory->file("key"), "secret"));
        EXPECT_EQ(read_file(directory->file("key")), "secret");
    }
    EXPECT_FALSE(fs::exists(path));
}

TEST(TemporaryDirectory, OneThatWasMovedFromRemovesNothing) {
    auto first = TemporaryDirectory::make();
    ASSERT_TRUE(first);
    const TemporaryDirectory second{std::move(*first)};
    { const TemporaryDirectory gone{std::move(*first)}; }

    EXPECT_TRUE(fs::exists(second.file("")));
}

}  // namespace
}  // namespace caponier::cli
