// Words in which upper and lower case are the same.

#include "ssh/letter_case.h"

#include <gtest/gtest.h>

namespace caponier::ssh {
namespace {

TEST(LetterCase, IsThatOfAsciiLettersOnly) {
    EXPECT_EQ(in_lower_case("Bastion-AZ.example:[@`{"), "bastion-az.example:[@`{");
    EXPECT_EQ(in_lower_case("\xc3\x84"), "\xc3\x84");
    EXPECT_EQ(in_lower_case(""), "");
}

TEST(LetterCase, DoesNotMakeWordsDifferent) {
    EXPECT_TRUE(equal_ignoring_case("Accept-New", "aCCEPT-nEW"));
    EXPECT_TRUE(equal_ignoring_case("", ""));
    EXPECT_FALSE(equal_ignoring_case("yes", "yes "));
    EXPECT_FALSE(equal_ignoring_case("ye", "yes"));
    // 0x20 apart, and no letters.
    EXPECT_FALSE(equal_ignoring_case("@[", "`{"));
    EXPECT_FALSE(equal_ignoring_case("\xc3\x84", "\xc3\xa4"));
}

}  // namespace
}  // namespace caponier::ssh
