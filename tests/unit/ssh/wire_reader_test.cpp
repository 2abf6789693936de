// RFC 4251 5: every data type read, and every way it can be broken.

#include "ssh/wire/wire_reader.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/ssh/hex.h"

namespace caponier::ssh {
namespace {

TEST(WireReader, ReadsTheFieldsInTheirOrder) {
    const auto bytes =
        from_hex("07 01 00 00 00 01 02 03 04 00 01 02 03 04 05 06 07 00000003 616263");
    WireReader in{bytes};

    EXPECT_EQ(in.byte(), 7);
    EXPECT_TRUE(in.boolean());
    EXPECT_EQ(in.byte(), 0);
    EXPECT_EQ(in.uint32(), 0x00000102U);
    EXPECT_EQ(in.byte(), 3);
    EXPECT_EQ(in.byte(), 4);
    EXPECT_EQ(in.uint64(), 0x0001020304050607U);
    EXPECT_EQ(in.text(), "abc");

    EXPECT_TRUE(in.complete());
}

// RFC 4251 5: "All non-zero values MUST be interpreted as TRUE".
TEST(WireReader, TakesEveryNonZeroByteForTrue) {
    const auto bytes = from_hex("00 01 02 ff");
    WireReader in{bytes};

    EXPECT_FALSE(in.boolean());
    EXPECT_TRUE(in.boolean());
    EXPECT_TRUE(in.boolean());
    EXPECT_TRUE(in.boolean());
}

TEST(WireReader, YieldsZerosAndEmptyViewsAfterAFailure) {
    const auto bytes = from_hex("000000ff 61 62 63 64 65 66 67 68");
    WireReader in{bytes};

    EXPECT_TRUE(in.string().empty());

    EXPECT_FALSE(in.ok());
    EXPECT_EQ(in.byte(), 0);
    EXPECT_FALSE(in.boolean());
    EXPECT_EQ(in.uint32(), 0U);
    EXPECT_EQ(in.uint64(), 0U);
    EXPECT_TRUE(in.text().empty());
    EXPECT_TRUE(in.mpint().empty());
    EXPECT_TRUE(in.name_list().empty());
    EXPECT_TRUE(in.fixed(1).empty());
    EXPECT_TRUE(in.rest().empty());
    EXPECT_FALSE(in.ok());
    EXPECT_FALSE(in.complete());
}

TEST(WireReader, IsNotCompleteWhileSomethingIsLeft) {
    const auto bytes = from_hex("01 02");
    WireReader in{bytes};

    EXPECT_EQ(in.byte(), 1);

    EXPECT_TRUE(in.ok());
    EXPECT_FALSE(in.complete());
    EXPECT_EQ(in.unread_bytes(), 1U);
    EXPECT_EQ(in.rest().size(), 1U);
    EXPECT_TRUE(in.complete());
}

TEST(WireReader, RefusesFixedFieldsThatAreCutShort) {
    const auto bytes = from_hex("01 02 03");

    WireReader uint32{bytes};
    EXPECT_EQ(uint32.uint32(), 0U);
    EXPECT_FALSE(uint32.ok());
    WireReader uint64{bytes};
    EXPECT_EQ(uint64.uint64(), 0U);
    EXPECT_FALSE(uint64.ok());
    WireReader fixed{bytes};
    EXPECT_TRUE(fixed.fixed(4).empty());
    EXPECT_FALSE(fixed.ok());
    WireReader byte{std::span<const std::byte>{}};
    EXPECT_EQ(byte.byte(), 0);
    EXPECT_FALSE(byte.ok());
}

TEST(WireReader, RefusesAStringThatIsOneByteLongerThanTheMessage) {
    const auto bytes = from_hex("00000004 616263");
    WireReader in{bytes};

    EXPECT_TRUE(in.string().empty());

    EXPECT_FALSE(in.ok());
}

TEST(WireReader, RefusesTheLargestLengthWithoutOverflowing) {
    const auto bytes = from_hex("ffffffff 616263");
    WireReader in{bytes};

    EXPECT_TRUE(in.string().empty());

    EXPECT_FALSE(in.ok());
}

TEST(WireReader, CanBeFailedByItsCaller) {
    const auto bytes = from_hex("01");
    WireReader in{bytes};

    in.fail();

    EXPECT_EQ(in.byte(), 0);
    EXPECT_FALSE(in.complete());
}

// RFC 4251 5, the examples of mpint.
TEST(WireReaderMpint, ReadsTheExamplesOfTheRfc) {
    const auto zero = from_hex("00000000");
    const auto large = from_hex("00000008 09a378f9b2e332a7");
    const auto top_bit = from_hex("00000002 0080");

    WireReader in_zero{zero};
    EXPECT_TRUE(in_zero.mpint().empty());
    EXPECT_TRUE(in_zero.complete());
    WireReader in_large{large};
    EXPECT_EQ(copy_of(in_large.mpint()), from_hex("09a378f9b2e332a7"));
    EXPECT_TRUE(in_large.complete());
    WireReader in_top_bit{top_bit};
    EXPECT_EQ(copy_of(in_top_bit.mpint()), from_hex("80"));
    EXPECT_TRUE(in_top_bit.complete());
}

// Checklist 43. RFC 4251 5: "Unnecessary leading bytes with the value 0 or 255 MUST NOT be
// included.", "The value zero MUST be stored as a string with zero bytes of data."
TEST(WireReaderMpint, RefusesWhatIsNotMinimalOrNegative) {
    for (const char* broken : {"00000001 00",          // zero with a byte
                               "00000002 0001",        // a zero in front that is not needed
                               "00000003 000080",      // one zero too many
                               "00000002 edcc",        // -1234, as in the RFC
                               "00000005 ff21524111",  // -0xdeadbeef, as in the RFC
                               "00000003 01"}) {       // cut short
        const auto bytes = from_hex(broken);
        WireReader in{bytes};
        EXPECT_TRUE(in.mpint().empty()) << broken;
        EXPECT_FALSE(in.ok()) << broken;
    }
}

TEST(WireReaderNameList, ReadsAnEmptyListAndSeveralNames) {
    const auto bytes = from_hex("00000000 00000009 7a6c69622c6e6f6e65");
    WireReader in{bytes};

    EXPECT_TRUE(in.name_list().empty());
    EXPECT_EQ(in.name_list().text(), "zlib,none");

    EXPECT_TRUE(in.complete());
}

// Checklist 29.
TEST(WireReaderNameList, RefusesAListWithAnInvalidName) {
    const auto empty_name = from_hex("00000003 612c2c");
    const auto control = from_hex("00000003 61 0a 62");

    WireReader in_empty_name{empty_name};
    EXPECT_TRUE(in_empty_name.name_list().empty());
    EXPECT_FALSE(in_empty_name.ok());
    WireReader in_control{control};
    EXPECT_TRUE(in_control.name_list().empty());
    EXPECT_FALSE(in_control.ok());
}

}  // namespace
}  // namespace caponier::ssh
