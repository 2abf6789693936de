// Numbers of forwards, and which one an address belongs to.

#include "ssh/connection/forwards.h"

#include <gtest/gtest.h>

namespace caponier::ssh {
namespace {

using Kind = ForwardAddress::Kind;

ForwardId granted(Forwards& forwards, Kind kind, std::string_view host, std::uint16_t port) {
    const std::optional<ForwardId> id = forwards.claim({.kind = kind, .host = host, .port = port});
    forwards.find(*id)->phase = ForwardPhase::granted;
    return *id;
}

TEST(Forwards, AreFoundByTheirWholeAddress) {
    Forwards forwards;
    const ForwardId port = granted(forwards, Kind::tcpip, "localhost", 80);
    const ForwardId path = granted(forwards, Kind::streamlocal, "localhost", 0);

    EXPECT_EQ(forwards.find(Kind::tcpip, "localhost", 80), port);
    EXPECT_EQ(forwards.find(Kind::streamlocal, "localhost", 0), path);
    EXPECT_FALSE(forwards.find(Kind::tcpip, "localhost", 81).has_value());
    EXPECT_FALSE(forwards.find(Kind::tcpip, "", 80).has_value());
    EXPECT_FALSE(forwards.find(Kind::streamlocal, "localhost", 80).has_value());
}

TEST(Forwards, AreNotFoundBeforeTheyWereAskedForNorAfterACancel) {
    Forwards forwards;
    const std::optional<ForwardId> id =
        forwards.claim({.kind = Kind::tcpip, .host = "", .port = 80});
    EXPECT_FALSE(forwards.find(Kind::tcpip, "", 80).has_value());

    forwards.find(*id)->phase = ForwardPhase::requested;
    EXPECT_EQ(forwards.find(Kind::tcpip, "", 80), id);
    forwards.find(*id)->cancelled = true;

    EXPECT_FALSE(forwards.find(Kind::tcpip, "", 80).has_value());
}

TEST(Forwards, OfAnUnknownPortAreNobodys) {
    Forwards forwards;
    const ForwardId id = granted(forwards, Kind::tcpip, "", 0);
    EXPECT_FALSE(forwards.find(Kind::tcpip, "", 0).has_value());

    forwards.find(id)->port = 40'000;

    EXPECT_EQ(forwards.find(Kind::tcpip, "", 40'000), id);
}

TEST(Forwards, UseANumberAgainAndKnowTheirLimit) {
    Forwards forwards;
    for (std::uint32_t i = 0; i < forwards_max; ++i) {
        EXPECT_EQ(granted(forwards, Kind::tcpip, "", 1), ForwardId{i});
    }
    EXPECT_FALSE(forwards.claim({}).has_value());

    forwards.release(ForwardId{7});

    EXPECT_EQ(forwards.find(ForwardId{7}), nullptr);
    EXPECT_EQ(forwards.in_use(), forwards_max - 1);
    EXPECT_EQ(forwards.claim({}), ForwardId{7});
}

}  // namespace
}  // namespace caponier::ssh
