// RFC 4254 7.1 and 7.2, OpenSSH PROTOCOL 2.4: remote forwards, asked for by a client.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/spec/forward_messages.h"
#include "tests/spec/rogue_peer.h"

namespace caponier::spec {
namespace {

using ssh::ErrorCode;
using ssh::ForwardAddress;
using ssh::MessageNumber;

ForwardAddress tcpip(std::string_view host, std::uint16_t port) {
    return {.kind = ForwardAddress::Kind::tcpip, .host = host, .port = port};
}

ForwardAddress streamlocal(std::string_view path) {
    return {.kind = ForwardAddress::Kind::streamlocal, .host = path};
}

Message forwarded_tcpip(std::string_view host, std::uint32_t port) {
    return Message{MessageNumber::channel_open}
        .text("forwarded-tcpip")
        .uint32(9)
        .uint32(1'000)
        .uint32(32'768)
        .text(host)
        .uint32(port)
        .text("192.0.2.9")
        .uint32(50'000);
}

Message forwarded_streamlocal(std::string_view path) {
    return Message{MessageNumber::channel_open}
        .text("forwarded-streamlocal@openssh.com")
        .uint32(9)
        .uint32(1'000)
        .uint32(32'768)
        .text(path)
        .text("");
}

/// A client that has asked for this and was granted it.
ssh::ForwardId ask(RoguePeer& peer, const ForwardAddress& address, const Message& reply) {
    const ssh::Result<ssh::ForwardId> id = peer.session().request_forward(address);
    EXPECT_TRUE(id.has_value());
    peer.pump();
    peer.send(reply);
    peer.forget();
    return *id;
}

// Item 106. RFC 4254 4: "In general, the reply messages do not include request type identifiers. To
// make it possible for the originator of a request to identify to which request each reply refers,
// it is REQUIRED that replies to SSH_MSG_GLOBAL_REQUESTS MUST be sent in the same order as the
// corresponding request messages."
TEST(Rfc4254ForwardsOfAClient, RepliesBelongToRequestsInOrderAlsoWithProbesBetween) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());

    ASSERT_TRUE(peer.session().request_forward(tcpip("", 8'080)).has_value());
    peer.session().probe();
    ASSERT_TRUE(peer.session().request_forward(tcpip("localhost", 0)).has_value());
    ASSERT_TRUE(peer.session().request_forward(streamlocal("/run/x")).has_value());
    peer.session().probe();
    peer.pump();
    ASSERT_EQ(peer.count(MessageNumber::global_request), 5U);
    for (const Message& answer :
         {success(), refusal(), success().uint32(40'000), refusal(), success()}) {
        peer.send(answer);
    }

    EXPECT_EQ(peer.events(),
              (std::vector<std::string>{"ForwardReply 0 accepted 8080",
                                        "ProbeAnswered",
                                        "ForwardReply 1 accepted 40000",
                                        "ForwardReply 2 refused 0",
                                        "ProbeAnswered"}));
}

// Items 106, 110. RFC 4254 7.1: "string address to bind (e.g., "0.0.0.0"), uint32 port number to
// bind". The address is what the application says, and so is that of the cancel.
TEST(Rfc4254ForwardsOfAClient, AddressesGoOverTheWireAsTheyAre) {
    for (const std::string_view host :
         {"", "0.0.0.0", "::", "localhost", "127.0.0.1", "::1", "*", "bastion.example"}) {
        RoguePeer peer;
        ASSERT_TRUE(peer.establish());

        const auto id = peer.session().request_forward(tcpip(host, 2'222));
        peer.pump();
        EXPECT_EQ(peer.take(MessageNumber::global_request), copy(tcpip_forward(host, 2'222)));
        peer.send(success());
        peer.session().cancel_forward(*id);
        peer.pump();

        EXPECT_EQ(peer.take(MessageNumber::global_request),
                  copy(cancel_tcpip_forward(host, 2'222)));
    }
}

// Item 107. RFC 4254 7.1: "If a client passes 0 as port number to bind and has 'want reply' as
// TRUE, then the server allocates the next available unprivileged port number and replies with the
// following message". The port that was bound is the one of its channels and of its cancel.
TEST(Rfc4254ForwardsOfAClient, ThePortThatTheServerChoseIsTheForwards) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const ssh::ForwardId id = ask(peer, tcpip("localhost", 0), success().uint32(40'000));

    peer.send(forwarded_tcpip("localhost", 40'000));
    EXPECT_EQ(peer.events(),
              (std::vector<std::string>{"ChannelRequested 0 forwarded-tcpip localhost 40000"}));
    EXPECT_EQ(peer.count(MessageNumber::channel_open_confirmation), 1U);
    peer.session().cancel_forward(id);
    peer.pump();

    EXPECT_EQ(peer.take(MessageNumber::global_request),
              copy(cancel_tcpip_forward("localhost", 40'000)));
}

// Item 107: without a port that can be, nothing could ever be matched or cancelled.
TEST(Rfc4254ForwardsOfAClient, ASuccessWithoutThePortThatWasLeftToTheServerDisconnects) {
    for (const Message& answer :
         {success(), success().byte(1), success().uint32(0), success().uint32(65'536)}) {
        RoguePeer peer;
        ASSERT_TRUE(peer.establish());
        ASSERT_TRUE(peer.session().request_forward(tcpip("", 0)).has_value());
        peer.pump();

        peer.send(answer);

        EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::malformed_message, 81}));
        EXPECT_FALSE(peer.saw("ForwardReply"));
    }
}

// Item 108. RFC 4254 7.1: "otherwise, there is no response-specific data." Servers that tell the
// port all the same are understood.
TEST(Rfc4254ForwardsOfAClient, DataBehindASuccessThatNeedsNoneIsNotRead) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    ASSERT_TRUE(peer.session().request_forward(tcpip("", 8'080)).has_value());
    ASSERT_TRUE(peer.session().request_forward(streamlocal("/run/x")).has_value());
    peer.pump();

    peer.send(success().uint32(9'999));
    peer.send(success().text("?"));

    EXPECT_EQ(
        peer.events(),
        (std::vector<std::string>{"ForwardReply 0 accepted 8080", "ForwardReply 1 accepted 0"}));
}

// Item 109: one refusal is one forward's; the others live on.
TEST(Rfc4254ForwardsOfAClient, ARefusalEndsOneForwardOnly) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    (void)ask(peer, tcpip("", 1'001), success());
    ASSERT_TRUE(peer.session().request_forward(tcpip("", 1'002)).has_value());
    peer.pump();
    peer.send(refusal());
    EXPECT_TRUE(peer.saw("ForwardReply 1 refused"));

    peer.send(forwarded_tcpip("", 1'002));
    EXPECT_EQ(reason_of_refusal(peer), 1U);
    peer.send(forwarded_tcpip("", 1'001));

    EXPECT_TRUE(peer.saw("ChannelRequested 0 forwarded-tcpip  1001"));
    // Its number is free again.
    EXPECT_EQ(*peer.session().request_forward(tcpip("", 1'003)), ssh::ForwardId{1});
}

// Item 111. RFC 4254 7.1: "Note that channel open requests may be received until a reply to this
// message is received."
TEST(Rfc4254ForwardsOfAClient, AfterACancelOpensAreRefusedBeforeAndAfterItsReply) {
    for (const bool accepted : {true, false}) {
        RoguePeer peer;
        ASSERT_TRUE(peer.establish());
        const ssh::ForwardId id = ask(peer, tcpip("localhost", 8'080), success());
        peer.send(forwarded_tcpip("localhost", 8'080));
        ASSERT_EQ(peer.count(MessageNumber::channel_open_confirmation), 1U);
        peer.forget();

        peer.session().cancel_forward(id);
        peer.session().cancel_forward(id);
        peer.pump();
        peer.send(forwarded_tcpip("localhost", 8'080));
        EXPECT_EQ(reason_of_refusal(peer), 1U);
        EXPECT_EQ(peer.events(), nothing);
        peer.send(accepted ? success() : refusal());
        peer.send(forwarded_tcpip("localhost", 8'080));

        EXPECT_EQ(reason_of_refusal(peer), 1U);
        EXPECT_EQ(peer.events(),
                  (std::vector<std::string>{accepted ? "ForwardReply 0 cancel accepted 8080"
                                                     : "ForwardReply 0 cancel refused 8080"}));
        EXPECT_EQ(peer.count(MessageNumber::global_request), 1U);
        // What was open goes on.
        peer.send(channel_data(0, "x"));
        EXPECT_TRUE(peer.saw("ChannelData 0 1"));
    }
}

// Item 111: who takes a request back before it is answered does not know the port yet.
TEST(Rfc4254ForwardsOfAClient, ACancelWaitsForTheReplyToItsRequest) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const auto id = peer.session().request_forward(tcpip("localhost", 0));
    peer.session().cancel_forward(*id);
    peer.pump();
    EXPECT_EQ(peer.count(MessageNumber::global_request), 1U);
    peer.forget();

    peer.hold();
    peer.send(success().uint32(40'000));
    peer.send(forwarded_tcpip("localhost", 40'000));
    peer.release();
    EXPECT_EQ(reason_of_refusal(peer), 1U);
    EXPECT_EQ(peer.take(MessageNumber::global_request),
              copy(cancel_tcpip_forward("localhost", 40'000)));
    peer.send(success());

    EXPECT_EQ(peer.events(),
              (std::vector<std::string>{"ForwardReply 0 accepted 40000",
                                        "ForwardReply 0 cancel accepted 40000"}));
}

// Item 111: a refusal leaves nothing to cancel.
TEST(Rfc4254ForwardsOfAClient, ARefusalAnswersACancelToo) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const auto id = peer.session().request_forward(tcpip("localhost", 80));
    peer.session().cancel_forward(*id);
    peer.pump();

    peer.send(refusal());

    EXPECT_EQ(peer.events(), (std::vector<std::string>{"ForwardReply 0 refused 0"}));
    EXPECT_EQ(peer.count(MessageNumber::global_request), 1U);
}

// Item 113. RFC 4254 7.1: "Client implementations SHOULD reject these messages; they are normally
// only sent by the client."
TEST(Rfc4254ForwardsOfAClient, AServerThatAsksForForwardsIsRefused) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());

    for (const Message& request : {tcpip_forward("", 80),
                                   cancel_tcpip_forward("", 80),
                                   streamlocal_forward("/run/x"),
                                   cancel_streamlocal_forward("/run/x")}) {
        peer.send(request);
    }

    EXPECT_EQ(peer.numbers(), (std::vector(4, MessageNumber::request_failure)));
    EXPECT_EQ(peer.events(), nothing);
}

// Item 126. RFC 4254 7.2: "Implementations MUST reject these messages unless they have previously
// requested a remote TCP/IP port forwarding with the given port number."
TEST(Rfc4254ForwardsOfAClient, OpensThatMatchNoForwardAreRefusedUnseen) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    peer.send(forwarded_tcpip("localhost", 8'080));
    EXPECT_EQ(reason_of_refusal(peer), 1U);
    (void)ask(peer, tcpip("localhost", 8'080), success());
    (void)ask(peer, streamlocal("/run/x"), success());

    for (const Message& open : {forwarded_tcpip("localhost", 8'081),
                                forwarded_tcpip("localhost", 0),
                                forwarded_tcpip("127.0.0.1", 8'080),
                                forwarded_tcpip("", 8'080),
                                forwarded_tcpip("localhost.", 8'080),
                                forwarded_tcpip("/run/x", 0),
                                forwarded_streamlocal("/run/xx"),
                                forwarded_streamlocal("/run"),
                                forwarded_streamlocal(""),
                                forwarded_streamlocal(std::string_view{"/run/x\0", 7}),
                                forwarded_streamlocal("localhost")}) {
        peer.send(open);
        EXPECT_EQ(reason_of_refusal(peer), 1U);
    }

    EXPECT_EQ(peer.events(), nothing);
    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_EQ(peer.session().channels_in_use(), 0U);
}

// Item 126: a request suffices; only where the port is not known yet can nothing match.
TEST(Rfc4254ForwardsOfAClient, AnOpenMayComeBeforeTheReplyIfThePortIsKnown) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    ASSERT_TRUE(peer.session().request_forward(tcpip("", 0)).has_value());
    ASSERT_TRUE(peer.session().request_forward(tcpip("", 8'080)).has_value());
    peer.pump();

    peer.send(forwarded_tcpip("", 40'000));
    EXPECT_EQ(reason_of_refusal(peer), 1U);
    peer.send(forwarded_tcpip("", 0));
    EXPECT_EQ(reason_of_refusal(peer), 1U);
    peer.send(forwarded_tcpip("", 8'080));

    EXPECT_EQ(peer.count(MessageNumber::channel_open_confirmation), 1U);
}

// Item 126: a request that a key exchange holds back has not been made.
TEST(Rfc4254ForwardsOfAClient, AnOpenBeforeTheRequestLeftIsRefused) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    peer.hold();
    peer.session().rekey();
    ASSERT_TRUE(peer.session().request_forward(tcpip("", 8'080)).has_value());
    peer.send(forwarded_tcpip("", 8'080));
    peer.send_kexinit();
    peer.release();

    EXPECT_EQ(reason_of_refusal(peer), 1U);
    EXPECT_EQ(peer.take(MessageNumber::global_request), copy(tcpip_forward("", 8'080)));
}

// Item 114. OpenSSH PROTOCOL 2.4: "string "streamlocal-forward@openssh.com", boolean TRUE, string
// socket path"; "Similar to forwarded-tcpip, forwarded-streamlocal is sent by the server when the
// client has previously send the server a streamlocal-forward GLOBAL_REQUEST."
TEST(OpensshStreamlocalForwards, OfAClientAreAskedForServedAndCancelled) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const auto id = peer.session().request_forward(streamlocal("/run/x"));
    peer.pump();
    EXPECT_EQ(peer.take(MessageNumber::global_request), copy(streamlocal_forward("/run/x")));
    peer.send(success());

    peer.send(forwarded_streamlocal("/run/x"));
    peer.session().cancel_forward(*id);
    peer.pump();
    EXPECT_EQ(peer.take(MessageNumber::global_request), copy(cancel_streamlocal_forward("/run/x")));
    peer.send(success());

    EXPECT_EQ(peer.events(),
              (std::vector<std::string>{"ForwardReply 0 accepted 0",
                                        "ChannelRequested 0 forwarded-streamlocal /run/x 0",
                                        "ForwardReply 0 cancel accepted 0"}));
}

// No table grows without bound, by our own doing either.
TEST(Rfc4254ForwardsOfAClient, AreBounded) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    for (std::size_t i = 0; i < ssh::forwards_max; ++i) {
        ASSERT_TRUE(peer.session().request_forward(tcpip("", 0)).has_value());
    }

    const auto one_more = peer.session().request_forward(tcpip("", 0));

    ASSERT_FALSE(one_more.has_value());
    EXPECT_EQ(one_more.error().code, ErrorCode::too_many_forwards);
}

// Item 133, F: opens of forwards with fields that are missing or too many.
TEST(Rfc4254ForwardsOfAClient, FieldsThatDoNotFitTheMessageDisconnect) {
    std::vector<Bytes> broken{copy(forwarded_tcpip("", 80).byte(0)),
                              copy(forwarded_streamlocal("/run/x").byte(0)),
                              copy(forwarded_tcpip("", 65'536))};
    for (const Bytes& whole :
         {copy(forwarded_tcpip("", 80)), copy(forwarded_streamlocal("/run/x"))}) {
        for (std::size_t size = 1; size < whole.size(); ++size) {
            broken.emplace_back(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        }
    }
    for (const Bytes& message : broken) {
        RoguePeer peer;
        ASSERT_TRUE(peer.establish());
        (void)ask(peer, tcpip("", 80), success());

        peer.send(message);

        EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::malformed_message, 90})) << message.size();
    }
}

}  // namespace
}  // namespace caponier::spec
