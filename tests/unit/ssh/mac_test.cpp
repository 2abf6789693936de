// The table of the MACs.

#include "ssh/crypto/mac.h"

#include <gtest/gtest.h>

namespace caponier::ssh {
namespace {

using enum MacAlgorithm;

TEST(MacShape, IsFoundByItsName) {
    for (const MacAlgorithm algorithm :
         {hmac_sha2_256_etm, hmac_sha2_512_etm, hmac_sha2_256, hmac_sha2_512}) {
        EXPECT_EQ(mac_of(shape_of(algorithm).name), algorithm);
    }
    for (const char* name : {"hmac-sha1", "hmac-sha2-256-96", "hmac-md5", "none", ""}) {
        EXPECT_EQ(mac_of(name), std::nullopt) << name;
    }
}

// RFC 6668 2: hmac-sha2-256 has "digest length = 32 bytes, key length = 32 bytes", hmac-sha2-512
// 64 and 64.
TEST(MacShape, HasTheSizesOfItsStandard) {
    for (const MacAlgorithm algorithm : {hmac_sha2_256_etm, hmac_sha2_256}) {
        EXPECT_EQ(shape_of(algorithm).key_bytes, 32U);
        EXPECT_EQ(shape_of(algorithm).tag_bytes, 32U);
    }
    for (const MacAlgorithm algorithm : {hmac_sha2_512_etm, hmac_sha2_512}) {
        EXPECT_EQ(shape_of(algorithm).key_bytes, 64U);
        EXPECT_EQ(shape_of(algorithm).tag_bytes, 64U);
    }
    EXPECT_TRUE(shape_of(hmac_sha2_256_etm).encrypts_first);
    EXPECT_FALSE(shape_of(hmac_sha2_512).encrypts_first);
}

}  // namespace
}  // namespace caponier::ssh
