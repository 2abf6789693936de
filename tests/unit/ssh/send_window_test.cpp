// What the peer lets us send.

#include "ssh/connection/send_window.h"

#include <gtest/gtest.h>

namespace caponier::ssh {
namespace {

TEST(SendWindow, IsUsedUpAndAdjusted) {
    SendWindow window{10};
    window.take(10);
    EXPECT_EQ(window.bytes(), 0U);
    ASSERT_TRUE(window.adjust(7).has_value());
    EXPECT_EQ(window.bytes(), 7U);
}

// RFC 4254 5.2: "The window MUST NOT be increased above 2^32 - 1 bytes."
TEST(SendWindow, RefusesToGrowAboveTheLargest) {
    SendWindow window{1};
    ASSERT_TRUE(window.adjust(UINT32_MAX - 1).has_value());
    EXPECT_EQ(window.bytes(), UINT32_MAX);

    EXPECT_EQ(window.adjust(1).error(), (Error{ErrorCode::window_overflow}));
    EXPECT_EQ(window.bytes(), UINT32_MAX);
    EXPECT_TRUE(window.adjust(0).has_value());
}

}  // namespace
}  // namespace caponier::ssh
