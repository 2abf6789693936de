// What of a peer's words reaches a terminal.

#include "engine/client/text_filter.h"

#include <string>

#include <gtest/gtest.h>

namespace caponier::client {
namespace {

using namespace std::string_literals;

TEST(Printable, LeavesPlainTextAsItIs) {
    EXPECT_EQ(printable("Permission denied (publickey)."), "Permission denied (publickey).");
}

TEST(Printable, KeepsLettersOfOtherLanguages) {
    EXPECT_EQ(printable("Zürich 東京 🛡"), "Zürich 東京 🛡");
}

// Items 11, 66, 70, 83. RFC 4251 9.2: "When displaying text to a user, such as error or debug
// messages, the client software SHOULD replace any control characters ... with safe sequences".
TEST(Printable, EscapesControlCharacters) {
    EXPECT_EQ(printable("\x1b[2Jred\r\n\x7f\0"s), "\\x1b[2Jred\\x0d\\x0a\\x7f\\x00");
}

TEST(Printable, EscapesControlCharactersThatComeAsUtf8) {
    EXPECT_EQ(printable("\xc2\x9b"
                        "31m"),
              "\\xc2\\x9b31m");
}

TEST(Printable, EscapesChangesOfTheWritingDirection) {
    EXPECT_EQ(printable("a\u202eb\u2066c\u2028"),
              "a\\xe2\\x80\\xaeb\\xe2\\x81\\xa6c\\xe2\\x80\\xa8");
}

TEST(Printable, EscapesBytesThatAreNotUtf8) {
    EXPECT_EQ(printable("\xff \xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xe6\x9d"),
              "\\xff \\xc0\\xaf \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 \\xe6\\x9d");
}

TEST(Printable, CutsLongTextsBetweenCharacters) {
    EXPECT_EQ(printable("abc東", 5), "abc...");
    EXPECT_EQ(printable(std::string(10'000, 'x')).size(), printable_bytes_max + 3);
}

TEST(Quoted, EndsWhereWeSay) {
    EXPECT_EQ(quoted("hostbased"), "\"hostbased\"");
    EXPECT_EQ(quoted("a\" b \\\"\x1b"), "\"a\\x22 b \\\\x22\\x1b\"");
    EXPECT_EQ(quoted("abcdef", 3), "\"abc...\"");
}

TEST(AttributedLines, HaveTheSpeakerInFrontOfEachOfThem) {
    EXPECT_EQ(attributed_lines("host says: ",
                               "Welcome\r\n\ncaponier: warning: the key was verified\n \t\n\rx\n"),
              (std::vector<std::string>{"host says: Welcome",
                                        "host says: caponier: warning: the key was verified",
                                        "host says: \\x0dx"}));
    EXPECT_TRUE(attributed_lines("host says: ", "").empty());
    EXPECT_EQ(attributed_lines("", "Password: "), std::vector<std::string>{"Password: "});
}

TEST(AttributedLines, AreBoundedAndSayHowManyAreMissing) {
    std::string text;
    for (std::size_t i = 0; i < attributed_lines_max + 7; ++i) {
        text += std::to_string(i) + "\n";
    }

    const std::vector<std::string> lines = attributed_lines("x: ", text);

    ASSERT_EQ(lines.size(), attributed_lines_max + 1);
    EXPECT_EQ(lines.back(), "x: (7 more lines, which are not shown)");
}

}  // namespace
}  // namespace caponier::client
