// RFC 4254 7.1 and 7.2, OpenSSH PROTOCOL 2.4: remote forwards, granted by a server, and the targets
// that it is asked to connect to.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/spec/forward_messages.h"
#include "tests/spec/rogue_peer.h"

namespace caponier::spec {
namespace {

using ssh::ErrorCode;
using ssh::MessageNumber;

RoguePeer::Options as_client() {
    RoguePeer::Options options;
    options.role = ssh::Role::client;
    return options;
}

/// What the server's application says to the question that is open.
void reply(RoguePeer& peer, bool accepted, std::uint16_t port = 0) {
    peer.session().reply_forward(accepted, port);
    peer.pump();
}

// Items 107, 108. RFC 4254 7.1: the port is told if it was 0; "otherwise, there is no
// response-specific data."
TEST(Rfc4254ForwardsOfAServer, APortIsToldOnlyIfItWasLeftToTheServer) {
    RoguePeer peer{as_client()};
    ASSERT_TRUE(peer.establish());

    peer.send(tcpip_forward("localhost", 0));
    reply(peer, true, 40'000);
    EXPECT_EQ(peer.take(MessageNumber::request_success), copy(success().uint32(40'000)));
    peer.send(tcpip_forward("localhost", 8'080));
    reply(peer, true, 8'080);

    EXPECT_EQ(peer.take(MessageNumber::request_success), copy(success()));
    EXPECT_EQ(peer.events(),
              (std::vector<std::string>{"ForwardRequested 0 localhost 0",
                                        "ForwardRequested 1 localhost 8080"}));
}

// Item 103. RFC 4254 4: replies "MUST be sent in the same order as the corresponding request
// messages". What needs no thought waits behind what does.
TEST(Rfc4254ForwardsOfAServer, RepliesKeepTheOrderOfMixedRequests) {
    RoguePeer peer{as_client()};
    ASSERT_TRUE(peer.establish());

    peer.hold();
    peer.send(global_request("keepalive@openssh.com", true));
    peer.send(tcpip_forward("", 0));
    peer.send(global_request("keepalive@openssh.com", true));
    peer.send(tcpip_forward("", 8'080));
    peer.send(streamlocal_forward("/run/x"));
    peer.send(global_request("keepalive@openssh.com", false));
    peer.release();
    EXPECT_EQ(peer.numbers(), (std::vector{MessageNumber::request_failure}));
    reply(peer, true, 40'000);
    EXPECT_EQ(peer.numbers(),
              (std::vector{MessageNumber::request_failure,
                           MessageNumber::request_success,
                           MessageNumber::request_failure}));
    reply(peer, false);
    reply(peer, true);

    EXPECT_EQ(peer.numbers(),
              (std::vector{MessageNumber::request_failure,
                           MessageNumber::request_success,
                           MessageNumber::request_failure,
                           MessageNumber::request_failure,
                           MessageNumber::request_success}));
    EXPECT_EQ(peer.events(),
              (std::vector<std::string>{"ForwardRequested 0  0",
                                        "ForwardRequested 1  8080",
                                        "ForwardRequested 1 /run/x path"}));
}

// Item 103: "The recipient will respond to this message [...] if 'want reply' is TRUE."
TEST(Rfc4254ForwardsOfAServer, WhoWantsNoReplyGetsNone) {
    RoguePeer peer{as_client()};
    ASSERT_TRUE(peer.establish());

    peer.send(tcpip_forward("", 8'080, false));
    reply(peer, true);
    // OpenSSH PROTOCOL 2.4 has it without a reply.
    peer.send(cancel_streamlocal_forward("/run/x", false));
    peer.send(tcpip_forward("", 8'080, false));

    EXPECT_EQ(peer.numbers(), std::vector<MessageNumber>{});
    EXPECT_EQ(peer.events(), (std::vector<std::string>{"ForwardRequested 0  8080"}));
}

// Item 112: a cancel is told, with the port that was bound, and the second one is refused; what is
// open goes on.
TEST(Rfc4254ForwardsOfAServer, ACancelIsToldOnceAndOpenChannelsGoOn) {
    RoguePeer peer{as_client()};
    ASSERT_TRUE(peer.establish());
    peer.send(tcpip_forward("localhost", 0));
    reply(peer, true, 40'000);
    const auto channel = peer.session().open({.kind = ssh::ChannelKind::forwarded_tcpip,
                                              .host = "localhost",
                                              .port = 40'000,
                                              .originator_host = "192.0.2.9",
                                              .originator_port = 50'000});
    peer.pump();
    EXPECT_TRUE(peer.take(MessageNumber::channel_open).has_value());
    peer.send(
        Message{MessageNumber::channel_open_confirmation}.uint32(0).uint32(9).uint32(9).uint32(9));
    peer.forget();

    peer.send(cancel_tcpip_forward("localhost", 40'000));
    EXPECT_EQ(peer.events(),
              (std::vector<std::string>{"ForwardRequested 0 cancel localhost 40000"}));
    reply(peer, true);
    EXPECT_EQ(peer.take(MessageNumber::request_success), copy(success()));
    peer.send(cancel_tcpip_forward("localhost", 40'000));

    EXPECT_EQ(peer.take(MessageNumber::request_failure), copy(refusal()));
    EXPECT_EQ(peer.events().size(), 1U);
    EXPECT_EQ(peer.session().send(*channel, Bytes(3)), 3U);
}

// Item 112: what was not granted cannot be cancelled: another address, another port, port 0, a
// path.
TEST(Rfc4254ForwardsOfAServer, ACancelOfWhatWasNotGrantedIsRefusedUnseen) {
    RoguePeer peer{as_client()};
    ASSERT_TRUE(peer.establish());
    peer.send(tcpip_forward("localhost", 0));
    reply(peer, true, 40'000);
    peer.send(streamlocal_forward("/run/x"));
    reply(peer, true);
    peer.send(tcpip_forward("localhost", 8'080));
    reply(peer, false);
    peer.forget();

    for (const Message& request : {cancel_tcpip_forward("127.0.0.1", 40'000),
                                   cancel_tcpip_forward("localhost", 40'001),
                                   cancel_tcpip_forward("localhost", 0),
                                   cancel_tcpip_forward("localhost", 8'080),
                                   cancel_tcpip_forward("/run/x", 0),
                                   cancel_streamlocal_forward("localhost"),
                                   cancel_streamlocal_forward("/run/y")}) {
        peer.send(request);
    }

    EXPECT_EQ(peer.numbers(), (std::vector(7, MessageNumber::request_failure)));
    EXPECT_EQ(peer.events(), nothing);
}

// Item 112: a refused cancel leaves the forward as it was.
TEST(Rfc4254ForwardsOfAServer, ACancelMayBeRefusedAndAskedAgain) {
    RoguePeer peer{as_client()};
    ASSERT_TRUE(peer.establish());
    peer.send(tcpip_forward("", 8'080));
    reply(peer, true);
    peer.forget();

    peer.send(cancel_tcpip_forward("", 8'080));
    reply(peer, false);
    peer.send(cancel_tcpip_forward("", 8'080));
    reply(peer, true);

    EXPECT_EQ(peer.numbers(),
              (std::vector{MessageNumber::request_failure, MessageNumber::request_success}));
    EXPECT_EQ(peer.events(),
              (std::vector<std::string>{"ForwardRequested 0 cancel  8080",
                                        "ForwardRequested 0 cancel  8080"}));
}

// Item 112: pipelined, each request finds what those before it left.
TEST(Rfc4254ForwardsOfAServer, ARequestACancelAndTheSameRequestAgainInOneSegment) {
    RoguePeer peer{as_client()};
    ASSERT_TRUE(peer.establish());

    peer.hold();
    peer.send(tcpip_forward("", 8'080));
    peer.send(tcpip_forward("", 8'080));
    peer.send(cancel_tcpip_forward("", 8'080));
    peer.send(tcpip_forward("", 8'080));
    peer.release();
    reply(peer, true);
    reply(peer, true);
    reply(peer, true);

    // The second one is what the server listens on already.
    EXPECT_EQ(peer.numbers(),
              (std::vector{MessageNumber::request_success,
                           MessageNumber::request_failure,
                           MessageNumber::request_success,
                           MessageNumber::request_success}));
    EXPECT_EQ(peer.events(),
              (std::vector<std::string>{"ForwardRequested 0  8080",
                                        "ForwardRequested 0 cancel  8080",
                                        "ForwardRequested 0  8080"}));
}

// Item 113: ports above 65535 and addresses without end are refused unseen.
TEST(Rfc4254ForwardsOfAServer, WhatNobodyCouldGrantIsRefusedUnseen) {
    RoguePeer peer{as_client()};
    ASSERT_TRUE(peer.establish());

    for (const Message& request :
         {tcpip_forward("", 65'536),
          tcpip_forward("", 0xFFFFFFFF),
          cancel_tcpip_forward("", 65'536 + 80),
          tcpip_forward(std::string(ssh::address_bytes_max + 1, 'x'), 80),
          streamlocal_forward(std::string(ssh::address_bytes_max + 1, 'x'))}) {
        peer.send(request);
    }

    EXPECT_EQ(peer.numbers(), (std::vector(5, MessageNumber::request_failure)));
    EXPECT_EQ(peer.events(), nothing);
}

// Item 114, the server's side.
TEST(OpensshStreamlocalForwards, OfAServerAreToldServedAndCancelled) {
    RoguePeer peer{as_client()};
    ASSERT_TRUE(peer.establish());
    peer.send(streamlocal_forward("/run/x"));
    reply(peer, true);
    EXPECT_EQ(peer.take(MessageNumber::request_success), copy(success()));

    const auto channel = peer.session().open(
        {.kind = ssh::ChannelKind::forwarded_streamlocal, .host = "/run/x", .originator_host = {}});
    ASSERT_TRUE(channel.has_value());
    peer.pump();
    EXPECT_EQ(peer.take(MessageNumber::channel_open),
              copy(Message{MessageNumber::channel_open}
                       .text("forwarded-streamlocal@openssh.com")
                       .uint32(0)
                       .uint32(256 * 1024)
                       .uint32(32'768)
                       .text("/run/x")
                       .text("")));
    peer.send(cancel_streamlocal_forward("/run/x"));
    reply(peer, true);

    EXPECT_EQ(peer.take(MessageNumber::request_success), copy(success()));
    EXPECT_EQ(peer.events(),
              (std::vector<std::string>{"ForwardRequested 0 /run/x path",
                                        "ForwardRequested 0 cancel /run/x path"}));
}

// The table is bounded, also while the application thinks about the first of many.
TEST(Rfc4254ForwardsOfAServer, AreBounded) {
    for (const bool in_one_breath : {true, false}) {
        RoguePeer peer{as_client()};
        ASSERT_TRUE(peer.establish());
        const auto asks = static_cast<std::uint32_t>(ssh::forwards_max + 100);

        if (in_one_breath) {
            peer.hold();
        }
        for (std::uint32_t i = 0; i < asks; ++i) {
            peer.send(tcpip_forward("", i + 1));
            if (!in_one_breath && i < ssh::forwards_max) {
                reply(peer, true);
            }
        }
        peer.release();
        for (std::size_t i = 0; in_one_breath && i < ssh::forwards_max; ++i) {
            reply(peer, true);
        }

        EXPECT_FALSE(peer.ended().has_value());
        EXPECT_EQ(peer.count(MessageNumber::request_success), ssh::forwards_max);
        EXPECT_EQ(peer.count(MessageNumber::request_failure), 100U);
    }
}

// Requests behind a question that nobody answers are bounded, too.
TEST(Rfc4254ForwardsOfAServer, RepliesBehindAnOpenQuestionAreBounded) {
    const std::vector<Message> floods{global_request("x", true),
                                      cancel_tcpip_forward("", 80),
                                      tcpip_forward("", 80),
                                      streamlocal_forward("/run/x")};
    for (const Message& flood : floods) {
        RoguePeer peer{as_client()};
        ASSERT_TRUE(peer.establish());
        peer.send(tcpip_forward("", 0));

        int sent = 0;
        for (; sent < 5'000 && !peer.ended(); ++sent) {
            peer.send(flood);
        }

        EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::protocol_error, 80}));
        EXPECT_LE(sent, 1'300);
    }
}

// F: a request cut anywhere, or with more than its fields.
TEST(Rfc4254ForwardsOfAServer, FieldsThatDoNotFitTheMessageDisconnect) {
    for (const Message& request : {tcpip_forward("localhost", 80),
                                   cancel_tcpip_forward("localhost", 80),
                                   streamlocal_forward("/run/x"),
                                   cancel_streamlocal_forward("/run/x")}) {
        const Bytes whole = copy(request);
        std::vector<Bytes> broken{whole};
        broken.front().push_back(std::byte{0});
        for (std::size_t size = 1; size < whole.size(); ++size) {
            broken.emplace_back(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        }
        for (const Bytes& message : broken) {
            RoguePeer peer{as_client()};
            ASSERT_TRUE(peer.establish());

            peer.send(message);

            EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::malformed_message, 80}))
                << message.size() << " of " << whole.size();
        }
    }
}

// Item 128. OpenSSH PROTOCOL 2.4: "direct-streamlocal is sent by the client to request that the
// server make a connection to a Unix domain socket."
TEST(OpensshStreamlocalForwards, DirectOnesAreToldToTheServersApplication) {
    RoguePeer peer{as_client()};
    ASSERT_TRUE(peer.establish());

    peer.send(Message{MessageNumber::channel_open}
                  .text("direct-streamlocal@openssh.com")
                  .uint32(9)
                  .uint32(1'000)
                  .uint32(32'768)
                  .text("/run/db")
                  .text("reserved")
                  .uint32(7));

    EXPECT_EQ(peer.events(),
              (std::vector<std::string>{"ChannelRequested 0 direct-streamlocal /run/db 0"}));
    EXPECT_EQ(peer.count(MessageNumber::channel_open_confirmation), 1U);
}

// Item 128: no target is at port 0, and no address or originator is without end.
TEST(Rfc4254ForwardsOfAServer, TargetsThatCannotBeAreRefusedUnseen) {
    const std::string long_name(ssh::address_bytes_max + 1, 'x');
    struct Row {
        std::string host;
        std::uint32_t port;
        std::string originator;
        std::uint32_t reason;
    };
    for (const Row& row : {Row{"db.internal", 0, "127.0.0.1", 2},
                           Row{long_name, 80, "127.0.0.1", 1},
                           Row{"db.internal", 80, long_name, 1}}) {
        RoguePeer peer{as_client()};
        ASSERT_TRUE(peer.establish());

        peer.send(Message{MessageNumber::channel_open}
                      .text("direct-tcpip")
                      .uint32(9)
                      .uint32(1'000)
                      .uint32(32'768)
                      .text(row.host)
                      .uint32(row.port)
                      .text(row.originator)
                      .uint32(1));

        EXPECT_EQ(reason_of_refusal(peer), row.reason);
        EXPECT_EQ(peer.events(), nothing);
    }
}

}  // namespace
}  // namespace caponier::spec
