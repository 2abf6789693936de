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

// ---- lines -------------------------------------------------------------------------------------

class ReadLines : public testing::Test {
  protected:
    tl::expected<void, FileError> read(const std::string& path) {
        lines.clear();
        return read_lines(path, [this](std::string_view line) { lines.emplace_back(line); });
    }

    const TemporaryFolder folder;
    std::vector<std::string> lines;
};

TEST_F(ReadLines, GivesThemWithoutTheirEnds) {
    ASSERT_TRUE(read(folder.write("a", "one\n\ntwo\r\n\r\n three \nlast")));
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "", "two", "", " three ", "last"}));

    ASSERT_TRUE(read(folder.write("a", "one\n")));
    EXPECT_EQ(lines, std::vector<std::string>{"one"});

    ASSERT_TRUE(read(folder.write("a", "")));
    EXPECT_TRUE(lines.empty());
}

TEST_F(ReadLines, KnowsNoLargestFile) {
    std::string text;
    for (int i = 0; text.size() < 6U * 1024 * 1024; ++i) {
        text +=
            std::to_string(i) + ' ' + std::string(static_cast<std::size_t>(i % 3000), 'x') + '\n';
    }
    ASSERT_TRUE(read(folder.write("a", text)));

    std::string joined;
    for (const std::string& line : lines) {
        joined += line + '\n';
    }
    EXPECT_TRUE(joined == text);
}

TEST_F(ReadLines, EndsAtALineThatIsTooLong) {
    const std::string longest(line_bytes_max, 'x');
    ASSERT_TRUE(read(folder.write("a", "one\n" + longest + "\n" + longest)));
    EXPECT_EQ(lines, (std::vector<std::string>{"one", longest, longest}));

    for (const std::string_view end : {"", "\n", "\nthree\n"}) {
        const auto refused = read(folder.write("a", "one\n" + longest + "x" + std::string{end}));

        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().cause, Cause::long_line);
        EXPECT_EQ(describe(refused.error()), "line 2 is longer than 1048576 bytes");
        EXPECT_EQ(lines, std::vector<std::string>{"one"});
    }
}

// The kernel says that the size of such a file is 0.
TEST_F(ReadLines, GoesToTheEndWhateverTheSizeIsSaidToBe) {
    ASSERT_TRUE(read("/proc/self/status"));

    EXPECT_GT(lines.size(), 10U);
}

TEST_F(ReadLines, RefusesWhatIsNoFile) {
    const std::string pipe = folder.path("pipe");
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    for (const std::string& path : {pipe, std::string{"/dev/zero"}, folder.path("")}) {
        const auto refused = read(path);
        ASSERT_FALSE(refused) << path;
        EXPECT_EQ(refused.error().cause, Cause::not_regular) << path;
    }

    EXPECT_EQ(read(folder.path("nothing")).error().cause, Cause::missing);
    EXPECT_TRUE(read("/dev/null"));
    EXPECT_TRUE(lines.empty());
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
