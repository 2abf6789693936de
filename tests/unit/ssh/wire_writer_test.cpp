// RFC 4251 5: every data type written, and what happens when the room ends.

#include "ssh/wire/wire_writer.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "ssh/wire/wire_reader.h"
#include "tests/unit/ssh/hex.h"

namespace caponier::ssh {
namespace {

TEST(WireWriter, WritesTheFieldsInTheirOrder) {
    std::array<std::byte, 64> room{};
    WireWriter out{std::span{room}};

    out.message(MessageNumber::channel_open);
    out.boolean(true);
    out.boolean(false);
    out.uint32(0x01020304);
    out.uint64(0x0102030405060708);
    out.text("abc");
    out.name_list({"zlib", "none"});
    out.fixed(from_hex("ff fe"));

    EXPECT_TRUE(out.complete());
    EXPECT_EQ(copy_of(out.written()),
              from_hex("5a 01 00 01020304 0102030405060708 00000003 616263"
                       "00000009 7a6c69622c6e6f6e65 fffe"));
}

// RFC 4251 5, the examples of mpint that are not negative.
TEST(WireWriter, WritesNumbersAsTheRfcsExamples) {
    std::vector<std::byte> bytes;
    WireWriter out{bytes};

    out.mpint({});
    out.mpint(from_hex("09a378f9b2e332a7"));
    out.mpint(from_hex("80"));

    EXPECT_EQ(bytes, from_hex("00000000 00000008 09a378f9b2e332a7 00000002 0080"));
}

// Checklist 43.
TEST(WireWriter, LeavesLeadingZerosOfNumbersOut) {
    std::vector<std::byte> bytes;
    WireWriter out{bytes};

    out.mpint(from_hex("0000007f"));
    out.mpint(from_hex("0000"));
    out.mpint(from_hex("000080"));

    EXPECT_EQ(bytes, from_hex("00000001 7f 00000000 00000002 0080"));
}

TEST(WireWriter, WritesNamesOfAVector) {
    std::vector<std::byte> bytes;
    WireWriter out{bytes};
    const std::vector<std::string> names{"a", "b", "c"};

    out.name_list(names);
    out.name_list(std::vector<std::string>{});

    EXPECT_EQ(bytes, from_hex("00000005 612c622c63 00000000"));
}

TEST(WireWriter, FillsInTheLengthsOfNestedStrings) {
    std::vector<std::byte> bytes = from_hex("aa");
    WireWriter out{bytes};

    const WireWriter::OpenString outer = out.begin_string();
    out.byte(1);
    const WireWriter::OpenString inner = out.begin_string();
    out.byte(2);
    out.byte(3);
    out.end_string(inner);
    out.end_string(outer);

    EXPECT_EQ(bytes, from_hex("aa 00000007 01 00000002 0203"));
    EXPECT_EQ(out.size(), 11U);
    EXPECT_EQ(copy_of(out.written()), from_hex("00000007 01 00000002 0203"));
}

TEST(WireWriter, FillsItsRoomToTheLastByte) {
    std::array<std::byte, 7> room{};
    WireWriter out{std::span{room}};

    out.text("abc");

    EXPECT_TRUE(out.complete());
    EXPECT_EQ(out.size(), 7U);
}

TEST(WireWriter, RemembersThatItsRoomEnded) {
    std::array<std::byte, 6> room{};
    WireWriter out{std::span{room}};

    out.text("abc");
    out.byte(1);

    EXPECT_FALSE(out.complete());
    EXPECT_LE(out.size(), room.size());
    EXPECT_TRUE(out.claim(1).empty());
}

TEST(WireWriter, WritesNothingBehindItsRoomWhenAStringIsEnded) {
    std::array<std::byte, 8> memory{};
    WireWriter out{std::span{memory}.first(6)};

    const WireWriter::OpenString open = out.begin_string();
    out.uint32(0xffffffff);
    out.end_string(open);

    EXPECT_FALSE(out.complete());
    EXPECT_EQ(memory[6], std::byte{0});
    EXPECT_EQ(memory[7], std::byte{0});
}

TEST(WireWriter, SurvivesTheEndOfAStringWhoseLengthDidNotFit) {
    std::array<std::byte, 3> room{};
    WireWriter out{std::span{room}};

    const WireWriter::OpenString open = out.begin_string();
    out.end_string(open);

    EXPECT_FALSE(out.complete());
    EXPECT_EQ(out.size(), 0U);
}

TEST(WireWriter, ClaimsRoomThatTheCallerFills) {
    std::array<std::byte, 4> room{};
    WireWriter out{std::span{room}};

    std::span<std::byte> claimed = out.claim(2);
    claimed[0] = std::byte{1};
    claimed[1] = std::byte{2};
    out.byte(3);

    EXPECT_EQ(copy_of(out.written()), from_hex("010203"));
}

}  // namespace
}  // namespace caponier::ssh
