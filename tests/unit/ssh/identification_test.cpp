// RFC 4253 4.2, the reader alone; items 1 to 11 of the checklist that need no session.

#include "ssh/transport/identification.h"

#include <string>

#include <gtest/gtest.h>

#include "ssh/limits.h"
#include "ssh/wire/bytes.h"

namespace caponier::ssh {
namespace {

Result<std::size_t> take(IdentificationReader& reader, std::string_view text) {
    return reader.take(bytes_of(text));
}

// Item 1. RFC 4253 4.2: "SSH-protoversion-softwareversion SP comments CR LF".
TEST(Identification, OfOursHasTheShapeOfTheStandard) {
    EXPECT_EQ(identification_line("Caponier_0.1"), "SSH-2.0-Caponier_0.1\r\n");
}

// Item 9: the first packet may be in the same piece.
TEST(Identification, EndsAtTheLineFeedAndLeavesTheRest) {
    IdentificationReader reader{Role::client};

    EXPECT_EQ(take(reader, "SSH-2.0-x\r\n\x00\x00\x01"), 11U);

    EXPECT_TRUE(reader.is_done());
    EXPECT_EQ(reader.line(), "SSH-2.0-x");
    EXPECT_EQ(take(reader, "more"), 0U);
}

TEST(Identification, MayComeByteByByte) {
    IdentificationReader reader{Role::client};
    for (const char c : std::string_view{"hello\r\nSSH-2.0-x y z \r\n"}) {
        EXPECT_FALSE(reader.is_done());
        EXPECT_EQ(take(reader, std::string_view{&c, 1}), 1U);
    }

    EXPECT_TRUE(reader.is_done());
    EXPECT_EQ(reader.line(), "SSH-2.0-x y z ");
}

TEST(Identification, MayEndWithALineFeedAlone) {
    IdentificationReader reader{Role::client};
    EXPECT_EQ(take(reader, "SSH-2.0-x\n"), 10U);
    EXPECT_EQ(reader.line(), "SSH-2.0-x");
}

// Item 7. RFC 4253 4.2: "The null character MUST NOT be sent."
TEST(Identification, RefusesNulAndALoneCarriageReturn) {
    for (const std::string_view text : {std::string_view{"SSH-2.0-\0x\r\n", 12},
                                        std::string_view{"a\0", 2},
                                        std::string_view{"SSH-2.0-a\rb\r\n"},
                                        std::string_view{"SSH-2.0-a\r\r\n"}}) {
        IdentificationReader reader{Role::client};
        const auto taken = take(reader, text);
        ASSERT_FALSE(taken.has_value());
        EXPECT_EQ(taken.error().code, ErrorCode::not_ssh);
    }
}

TEST(Identification, MayHaveTwoHundredFiftyFiveBytesAndNoMore) {
    const std::string begin = "SSH-2.0-";
    const std::string longest = begin + std::string(255 - begin.size() - 2, 'x') + "\r\n";
    IdentificationReader reader{Role::server};
    EXPECT_EQ(take(reader, longest), 255U);
    EXPECT_TRUE(reader.is_done());

    IdentificationReader other{Role::server};
    EXPECT_FALSE(
        take(other, begin + std::string(255 - begin.size() - 1, 'x') + "\r\n").has_value());
}

TEST(Identification, LinesBeforeItAreLimitedInLengthAndNumber) {
    // Item 3.
    IdentificationReader reader{Role::client};
    EXPECT_TRUE(take(reader, std::string(line_before_identification_bytes_max, 'x')).has_value());
    EXPECT_FALSE(take(reader, "x").has_value());

    IdentificationReader other{Role::client};
    for (std::size_t i = 0; i < lines_before_identification_max; ++i) {
        ASSERT_TRUE(take(other, "\n").has_value()) << i;
    }
    EXPECT_FALSE(take(other, "\n").has_value());
}

TEST(Identification, OfAClientComesFirst) {
    // Item 4: known with the first byte that is wrong.
    for (const std::string_view text : {"\r\n", "GET / HTTP/1.1", "SSX", "\n"}) {
        IdentificationReader reader{Role::server};
        EXPECT_FALSE(take(reader, text).has_value()) << text;
    }
}

TEST(Identification, KnowsItsVersions) {
    // Items 5 and 6.
    const auto code_of = [](std::string_view line) {
        IdentificationReader reader{Role::client};
        const auto taken = take(reader, line);
        return taken ? ErrorCode{} : taken.error().code;
    };
    EXPECT_EQ(code_of("SSH-2.0-x\r\n"), ErrorCode{});
    EXPECT_EQ(code_of("SSH-1.99-x\r\n"), ErrorCode{});
    EXPECT_EQ(code_of("SSH-1.5-x\r\n"), ErrorCode::unsupported_version);
    EXPECT_EQ(code_of("SSH-2.01-x\r\n"), ErrorCode::unsupported_version);
    EXPECT_EQ(code_of("SSH-\r\n"), ErrorCode::unsupported_version);
}

}  // namespace
}  // namespace caponier::ssh
