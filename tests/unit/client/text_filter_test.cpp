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

}  // namespace
}  // namespace caponier::client
