// Strict base64: RFC 4648.

#include "ssh/keys/base64.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/ssh/hex.h"

namespace caponier::ssh {
namespace {

std::optional<std::vector<std::byte>> decoded(std::string_view text) {
    std::vector<std::byte> bytes(64);
    const std::optional<std::size_t> size = decode_base64(text, bytes);
    if (!size) {
        return std::nullopt;
    }
    bytes.resize(*size);
    return bytes;
}

// RFC 4648 10.
TEST(Base64, AgreesWithTheVectorsOfTheRfc) {
    for (const auto& [plain, base64] :
         std::array<std::pair<std::string_view, std::string_view>, 7>{{{"", ""},
                                                                       {"f", "Zg=="},
                                                                       {"fo", "Zm8="},
                                                                       {"foo", "Zm9v"},
                                                                       {"foob", "Zm9vYg=="},
                                                                       {"fooba", "Zm9vYmE="},
                                                                       {"foobar", "Zm9vYmFy"}}}) {
        EXPECT_EQ(encode_base64(bytes_of(plain)), base64);
        EXPECT_EQ(decoded(base64), copy_of(plain));
    }
}

TEST(Base64, TakesAllValuesOfAByte) {
    std::vector<std::byte> bytes(256);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>(i);
    }

    const std::string text = encode_base64(bytes);
    std::vector<std::byte> back(decoded_base64_bytes_max(text.size()));

    EXPECT_EQ(decode_base64(text, back), 256U);
    back.resize(256);
    EXPECT_EQ(back, bytes);
}

TEST(Base64, RefusesWhatItWouldNotWrite) {
    for (const std::string_view text : {"Zg",        // padding is missing
                                        "Zg=",       // half of it is
                                        "Zg===",     // too much
                                        "====",      // nothing but
                                        "Z===",      // six bits are no byte
                                        "Zh==",      // bits behind the last byte
                                        "Zm9=",      // the same with one padding character
                                        "Zg==Zg==",  // padding in the middle
                                        "Zm 9v",     // blanks
                                        "Zm9v\n",    // line feeds
                                        "Zm9_",      // the alphabet for URLs
                                        "Zm9\xff"}) {
        EXPECT_EQ(decoded(text), std::nullopt) << text;
    }
}

TEST(Base64, RefusesWhatDoesNotFit) {
    std::array<std::byte, 2> room{};

    EXPECT_EQ(decode_base64("Zm8=", room), 2U);
    EXPECT_EQ(decode_base64("Zm9v", room), std::nullopt);
}

}  // namespace
}  // namespace caponier::ssh
