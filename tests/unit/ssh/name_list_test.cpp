// Name-lists of RFC 4251 5 and 6.

#include "ssh/wire/name_list.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace caponier::ssh {
namespace {

std::vector<std::string> names_of(std::string_view text) {
    const NameList list{text};
    return {list.begin(), list.end()};
}

TEST(NameList, YieldsItsNamesFromLeftToRight) {
    EXPECT_EQ(names_of(""), std::vector<std::string>{});
    EXPECT_EQ(names_of("a"), (std::vector<std::string>{"a"}));
    EXPECT_EQ(names_of("a,bc,d@example.com"),
              (std::vector<std::string>{"a", "bc", "d@example.com"}));
}

TEST(NameList, ShowsEmptyNamesSoThatTheyCanBeRefused) {
    EXPECT_EQ(names_of(","), (std::vector<std::string>{"", ""}));
    EXPECT_EQ(names_of("a,"), (std::vector<std::string>{"a", ""}));
    EXPECT_EQ(names_of(",a"), (std::vector<std::string>{"", "a"}));

    EXPECT_FALSE(NameList{","}.is_valid());
    EXPECT_FALSE(NameList{"a,"}.is_valid());
    EXPECT_FALSE(NameList{",a"}.is_valid());
    EXPECT_FALSE(NameList{"a,,b"}.is_valid());
}

TEST(NameList, IsValidWithoutNames) {
    EXPECT_TRUE(NameList{""}.is_valid());
    EXPECT_TRUE(NameList{""}.empty());
}

// RFC 4251 6: "non-empty strings no longer than 64 characters".
TEST(NameList, TakesNamesOfUpTo64Characters) {
    EXPECT_TRUE(is_valid_name(std::string(64, 'x')));
    EXPECT_FALSE(is_valid_name(std::string(65, 'x')));
    EXPECT_FALSE(is_valid_name(""));
    EXPECT_FALSE(NameList{"a," + std::string(65, 'x')}.is_valid());
}

// RFC 4251 6: no comma, whitespace, control characters or DEL, and only US-ASCII.
TEST(NameList, TakesPrintableCharactersOnly) {
    EXPECT_TRUE(is_valid_name("!"));
    EXPECT_TRUE(is_valid_name("~"));
    for (const std::string_view name :
         {"a b", "a\tb", "a\nb", "a,b", "a\x7f", "a\x80", "\xc3\xa9"}) {
        EXPECT_FALSE(is_valid_name(name)) << name;
    }
    EXPECT_FALSE(is_valid_name(std::string_view{"a\0b", 3}));
}

// RFC 4253 7.1: the first on the client's list that is also on the server's.
TEST(NameList, TheClientsOrderDecidesWhatIsCommon) {
    const NameList client{"a,b,c"};

    EXPECT_EQ(client.first_common(NameList{"c,b"}), "b");
    EXPECT_EQ(client.first_common(NameList{"d"}), std::nullopt);
    EXPECT_EQ(client.first_common(NameList{""}), std::nullopt);
    EXPECT_EQ(NameList{""}.first_common(client), std::nullopt);
}

TEST(NameList, ContainsWholeNamesOnly) {
    const NameList list{"aes128-gcm@openssh.com,aes256-ctr"};

    EXPECT_TRUE(list.contains("aes256-ctr"));
    EXPECT_FALSE(list.contains("aes256"));
    EXPECT_FALSE(list.contains("aes128-gcm@openssh.com,aes256-ctr"));
    EXPECT_FALSE(list.contains(""));
    EXPECT_FALSE(list.contains("AES256-CTR"));
}

}  // namespace
}  // namespace caponier::ssh
