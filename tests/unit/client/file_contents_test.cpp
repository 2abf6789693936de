// Reading small files and appending lines to them.

#include "engine/client/file_contents.h"

#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "ssh/wire/bytes.h"
#include "tests/unit/client/temporary_folder.h"

namespace caponier::client {
namespace {

using Cause = FileError::Cause;

TEST(FileContents, AreReadWholeWithModeAndOwner) {
    const TemporaryFolder folder;
    const std::string path = folder.write("a", "some text", 0640);

    const auto contents = read_file(path, 100);

    ASSERT_TRUE(contents);
    EXPECT_EQ(ssh::text_of(contents->bytes.bytes()), "some text");
    EXPECT_EQ(contents->mode & 0777U, 0640U);
    EXPECT_EQ(contents->owner, ::getuid());
}

TEST(FileContents, AFileAboveTheLimitIsNotRead) {
    const TemporaryFolder folder;
    const std::string path = folder.write("a", "0123456789");

    EXPECT_TRUE(read_file(path, 10));
    const auto contents = read_file(path, 9);

    ASSERT_FALSE(contents);
    EXPECT_EQ(contents.error().cause, Cause::too_large);
}

TEST(FileContents, AMissingFileIsToldFromOthers) {
    const TemporaryFolder folder;
    const auto contents = read_file(folder.path("nothing"), 10);

    ASSERT_FALSE(contents);
    EXPECT_EQ(contents.error().cause, Cause::missing);
    EXPECT_EQ(describe(contents.error()), "No such file or directory");
}

TEST(FileContents, NeitherAPipeNorADeviceNorAFolderIsRead) {
    const TemporaryFolder folder;
    const std::string pipe = folder.path("pipe");
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);

    for (const std::string& path : {pipe, std::string{"/dev/zero"}, folder.path("")}) {
        const auto contents = read_file(path, 10);
        ASSERT_FALSE(contents) << path;
        EXPECT_EQ(contents.error().cause, Cause::not_regular) << path;
    }
}

TEST(FileContents, TheNullDeviceIsAnEmptyFile) {
    const auto contents = read_file("/dev/null", 10);

    ASSERT_TRUE(contents);
    EXPECT_TRUE(contents->bytes.empty());
    EXPECT_TRUE(append_line("/dev/null", "x\n"));
}

TEST(AppendLine, CreatesThePrivateFile) {
    const TemporaryFolder folder;
    const std::string path = folder.path("a");

    ASSERT_TRUE(append_line(path, "one\n"));
    ASSERT_TRUE(append_line(path, "two\n"));

    EXPECT_EQ(text_of_file(path), "one\ntwo\n");
    EXPECT_EQ(permissions_of(path), 0600U);
}

TEST(AppendLine, EndsAnUnfinishedLineFirst) {
    const TemporaryFolder folder;
    const std::string path = folder.write("a", "one");

    ASSERT_TRUE(append_line(path, "two\n"));

    EXPECT_EQ(text_of_file(path), "one\ntwo\n");
}

TEST(AppendLine, FailsWhereItCannotWrite) {
    const TemporaryFolder folder;
    EXPECT_FALSE(append_line(folder.path("no/such/folder"), "x\n"));
    EXPECT_FALSE(append_line(folder.path(""), "x\n"));
}

TEST(AppendLine, LinesOfSeveralWritersDoNotMix) {
    const TemporaryFolder folder;
    const std::string path = folder.path("a");
    constexpr int lines_each = 200;

    std::vector<std::thread> writers;
    for (const char letter : {'a', 'b'}) {
        writers.emplace_back([&path, letter] {
            for (int i = 0; i < lines_each; ++i) {
                EXPECT_TRUE(append_line(path, std::string(300, letter) + "\n"));
            }
        });
    }
    for (std::thread& writer : writers) {
        writer.join();
    }

    // Empty lines may be among them.
    std::istringstream text{text_of_file(path)};
    int lines = 0;
    for (std::string line; std::getline(text, line); lines += line.empty() ? 0 : 1) {
        EXPECT_EQ(line, line.empty() ? "" : std::string(300, line.front()));
    }
    EXPECT_EQ(lines, 2 * lines_each);
}

}  // namespace
}  // namespace caponier::client
