// Every cause has words of its own and a reason code of RFC 4253 11.1.

#include "ssh/error.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace caponier::ssh {
namespace {

/// The last enumerator; the loop below visits all of them.
constexpr ErrorCode last_code = ErrorCode::engine_failure;

TEST(Error, HasDifferentWordsForEveryCause) {
    std::set<std::string_view> seen;

    for (unsigned int code = 0; code <= static_cast<unsigned int>(last_code); ++code) {
        const std::string_view words = describe(static_cast<ErrorCode>(code));

        EXPECT_NE(words, "an unknown error") << code;
        EXPECT_TRUE(seen.insert(words).second) << words;
    }
}

TEST(Error, DescribesACodeThatDoesNotExist) {
    EXPECT_EQ(describe(static_cast<ErrorCode>(9999)), "an unknown error");
}

// RFC 4253 11.1: the reason codes 1 to 15.
TEST(Error, GivesEveryCauseAReasonOfTheStandard) {
    for (unsigned int code = 0; code <= static_cast<unsigned int>(last_code); ++code) {
        const std::uint32_t reason = disconnect_reason(static_cast<ErrorCode>(code));

        EXPECT_GE(reason, 1U) << code;
        EXPECT_LE(reason, 15U) << code;
    }
}

TEST(Error, GivesTheReasonThatTheStandardHasForTheCause) {
    EXPECT_EQ(disconnect_reason(ErrorCode::protocol_error), 2U);
    EXPECT_EQ(disconnect_reason(ErrorCode::no_common_kex), 3U);
    EXPECT_EQ(disconnect_reason(ErrorCode::integrity_failure), 5U);
    EXPECT_EQ(disconnect_reason(ErrorCode::unsupported_version), 8U);
    EXPECT_EQ(disconnect_reason(ErrorCode::host_key_rejected), 9U);
    EXPECT_EQ(disconnect_reason(ErrorCode::closed_by_application), 11U);
    EXPECT_EQ(disconnect_reason(ErrorCode::authentication_failed), 14U);
}

}  // namespace
}  // namespace caponier::ssh
