// Floods: a million messages of each type (CAPONIER_FLOOD says another number). A peer that reads
// what comes back may go on as long as it likes, and memory stays where it was; a peer that does
// not read is cut off, with a reason, before much has gathered.

#include <algorithm>
#include <cstdlib>
#include <string>

#include <malloc.h>

#include <gtest/gtest.h>

#include "tests/spec/rogue_peer.h"

namespace caponier::spec {
namespace {

using ssh::MessageNumber;

std::size_t flood_messages() {
    const char* text = std::getenv("CAPONIER_FLOOD");
    return text == nullptr ? 1'000'000 : std::strtoull(text, nullptr, 10);
}

std::size_t memory_in_use() {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

struct Flood {
    std::string name;
    ssh::Role role;  ///< the peer's
    Message message;
    bool is_answered;  ///< each message makes us send something
};

void PrintTo(const Flood& flood, std::ostream* out) {
    *out << flood.name;
}

Message direct_tcpip() {
    return Message{MessageNumber::channel_open}
        .text("direct-tcpip")
        .uint32(3)
        .uint32(0)
        .uint32(0)  // Cannot be served: refused each time.
        .text("h")
        .uint32(1)
        .text("")
        .uint32(1);
}

std::vector<Flood> all_floods() {
    constexpr ssh::Role server = ssh::Role::server;
    constexpr ssh::Role client = ssh::Role::client;
    const Message open =
        Message{MessageNumber::channel_open}.text("x").uint32(3).uint32(1).uint32(1);
    return {
        {"Ignore", server, ignore("x"), false},
        {"Debug", server, Message{MessageNumber::debug}.boolean(false).text("x").text(""), false},
        {"Unimplemented", server, Message{MessageNumber::unimplemented}.uint32(1), false},
        {"Unknown", server, Message{std::uint8_t{200}}, true},
        {"LateBanner", server, Message{MessageNumber::userauth_banner}.text("x").text(""), true},
        {"HostKeys",
         server,
         global_request("hostkeys-00@openssh.com", false).text("").text("").text(""),
         false},
        {"Ping", server, Message{MessageNumber::ping}.text("x"), true},
        {"Pong", server, Message{MessageNumber::pong}.text("x"), false},
        {"GlobalRequest", server, global_request("x", true), true},
        {"SilentGlobalRequest", server, global_request("x", false), false},
        {"RequestSuccess", server, Message{MessageNumber::request_success}, false},
        {"RequestFailure", server, Message{MessageNumber::request_failure}, false},
        {"UnknownOpen", server, open, true},
        {"Open", client, direct_tcpip(), true},
        {"Adjust", server, window_adjust(0, 1), false},
        {"AdjustOfNothing", server, window_adjust(0, 0), false},
        {"AdjustOfNoChannel", server, window_adjust(9, 1), false},
        {"EmptyData", server, channel_data(0, ""), false},
        {"ExtendedData",
         server,
         Message{MessageNumber::channel_extended_data}.uint32(0).uint32(1).text("x"),
         false},
        {"Eof", server, channel_eof(0), false},
        {"ChannelRequest", server, channel_request(0, "x", true), true},
        {"SilentChannelRequest", server, channel_request(0, "x", false), false},
        {"ChannelSuccess", server, Message{MessageNumber::channel_success}.uint32(0), false},
        {"ChannelFailure", server, Message{MessageNumber::channel_failure}.uint32(0), false},
        {"UserauthRequest", client, Message{MessageNumber::userauth_request}.text("x"), false},
    };
}

std::vector<Flood> answered_floods() {
    std::vector<Flood> floods = all_floods();
    std::erase_if(floods, [](const Flood& flood) { return !flood.is_answered; });
    return floods;
}

class FloodOf : public testing::TestWithParam<Flood> {
  protected:
    static constexpr std::size_t batch = 500;

    static RoguePeer::Options options() {
        RoguePeer::Options options;
        options.role = GetParam().role;
        options.records = true;
        return options;
    }
    static void send_batch(RoguePeer& peer) {
        peer.hold();
        for (std::size_t i = 0; i < batch; ++i) {
            peer.send(GetParam().message);
        }
        peer.release();
        peer.forget();
    }
};

TEST_P(FloodOf, LeavesMemoryFlatWithAPeerThatReads) {
    RoguePeer peer{options()};
    ASSERT_TRUE(peer.establish());
    ASSERT_TRUE(peer.open_channel({.window_bytes = 0}).has_value());
    for (int i = 0; i < 4; ++i) {
        send_batch(peer);
    }
    const std::size_t before = memory_in_use();
    std::size_t most = before;

    for (std::size_t sent = 0; sent < flood_messages(); sent += batch) {
        send_batch(peer);
        ASSERT_FALSE(peer.ended().has_value()) << "after " << sent;
        most = std::max(most, memory_in_use());
    }

    EXPECT_LT(most - before, 64U * 1024U);
}

class AnsweredFloodOf : public FloodOf {};

// Item 27: what waits for the socket is bounded.
TEST_P(AnsweredFloodOf, CutsOffAPeerThatDoesNotReadTheAnswers) {
    RoguePeer peer{options()};
    ASSERT_TRUE(peer.establish());
    ASSERT_TRUE(peer.open_channel({.window_bytes = 0}).has_value());
    const std::size_t before = memory_in_use();
    peer.reads = false;

    std::size_t sent = 0;
    for (; sent < 1'000'000 && !peer.ended(); sent += batch) {
        send_batch(peer);
    }

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ssh::ErrorCode::protocol_error);
    EXPECT_LT(memory_in_use() - before, 2 * ssh::outbox_control_bytes_max);
    peer.reads = true;
    peer.pump();
    EXPECT_EQ(peer.disconnect_reason(), 2U);
}

INSTANTIATE_TEST_SUITE_P(Type, FloodOf, testing::ValuesIn(all_floods()), [](const auto& flood) {
    return flood.param.name;
});
INSTANTIATE_TEST_SUITE_P(Type,
                         AnsweredFloodOf,
                         testing::ValuesIn(answered_floods()),
                         [](const auto& flood) { return flood.param.name; });

// Before anybody is known, an attacker needs no key for his flood. Messages of the login itself are
// not among them, because they end it (login_bounds_test.cpp).
std::vector<Flood> floods_before_authentication() {
    constexpr ssh::Role server = ssh::Role::server;
    constexpr ssh::Role client = ssh::Role::client;
    return {
        {"Ignore", server, ignore("x"), false},
        {"Debug", server, Message{MessageNumber::debug}.boolean(true).text("x").text(""), false},
        {"Unimplemented", server, Message{MessageNumber::unimplemented}.uint32(1), false},
        {"Unknown", server, Message{std::uint8_t{9}}, true},
        {"Ping", server, Message{MessageNumber::ping}.text("x"), false},
        {"IgnoreToTheServer", client, ignore("x"), false},
        {"UnknownToTheServer", client, Message{std::uint8_t{9}}, true},
    };
}

class FloodBeforeAuthentication : public FloodOf {};

TEST_P(FloodBeforeAuthentication, LeavesMemoryFlat) {
    RoguePeer peer{options()};
    ASSERT_TRUE(peer.exchange_keys());
    peer.send(GetParam().role == ssh::Role::server
                  ? Message{MessageNumber::service_accept}.text("ssh-userauth")
                  : Message{MessageNumber::service_request}.text("ssh-userauth"));
    ASSERT_FALSE(peer.ended().has_value());
    for (int i = 0; i < 4; ++i) {
        send_batch(peer);
    }
    const std::size_t before = memory_in_use();
    std::size_t most = before;

    for (std::size_t sent = 0; sent < flood_messages(); sent += batch) {
        send_batch(peer);
        ASSERT_FALSE(peer.ended().has_value()) << "after " << sent;
        most = std::max(most, memory_in_use());
    }

    EXPECT_LT(most - before, 64U * 1024U);
}

INSTANTIATE_TEST_SUITE_P(Type,
                         FloodBeforeAuthentication,
                         testing::ValuesIn(floods_before_authentication()),
                         [](const auto& flood) { return flood.param.name; });

// Item 132: a million channels that are opened and refused.
TEST(Flood, OfOpensThatTheApplicationRefusesLeavesMemoryFlat) {
    RoguePeer::Options options;
    options.role = ssh::Role::client;
    options.accepts_channels = false;
    RoguePeer peer{std::move(options)};
    ASSERT_TRUE(peer.establish());
    const Message open = Message{MessageNumber::channel_open}
                             .text("direct-tcpip")
                             .uint32(3)
                             .uint32(1)
                             .uint32(1)
                             .text("h")
                             .uint32(1)
                             .text("")
                             .uint32(1);
    std::size_t before = 0;

    for (std::size_t sent = 0; sent < flood_messages() / 10; ++sent) {
        peer.send(open);
        peer.session().refuse_channel(
            ssh::LocalChannelId{0}, ssh::OpenFailure::connect_failed, "no");
        peer.pump();
        peer.forget();
        before = sent == 1'000 ? memory_in_use() : before;
        ASSERT_FALSE(peer.ended().has_value());
    }

    if (before > 0) {
        EXPECT_LT(memory_in_use(), before + 64U * 1024U);
    }
}

// Item 160, 144: a million channels that are opened and closed.
TEST(Flood, OfOpensAndClosesLeavesMemoryFlat) {
    RoguePeer::Options options;
    options.role = ssh::Role::client;
    RoguePeer peer{std::move(options)};
    ASSERT_TRUE(peer.establish());
    std::size_t before = 0;

    for (std::size_t sent = 0; sent < flood_messages() / 10; ++sent) {
        const auto channel = peer.open_channel();
        ASSERT_TRUE(channel.has_value());
        EXPECT_EQ(channel->number, 0U);
        peer.send(channel_close(channel->number));
        peer.session().close(channel->id);
        peer.pump();
        peer.forget();
        before = sent == 1'000 ? memory_in_use() : before;
    }

    if (before > 0) {
        EXPECT_LT(memory_in_use(), before + 64U * 1024U);
    }
}

}  // namespace
}  // namespace caponier::spec
