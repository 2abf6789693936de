// Item 195: every message number in every state of a live session, in both roles. What the table
// says is tested in tests/unit/ssh/message_table_test.cpp; here, that the session acts by it: it
// goes on, answers, or ends with a reason, and never does anything else.

#include <string>

#include <gtest/gtest.h>

#include "ssh/transport/message_table.h"
#include "tests/spec/rogue_peer.h"

namespace caponier::spec {
namespace {

using ssh::MessageNumber;

enum class State { kex, kex_strict, service, authentication, open, rekey };

void bring_to(RoguePeer& peer, State state, ssh::Role role) {
    switch (state) {
    case State::kex:
    case State::kex_strict:
        peer.cooperates = false;
        peer.send_identification();
        if (state == State::kex_strict) {
            peer.send_kexinit();
        }
        break;
    case State::service:
        ASSERT_TRUE(peer.exchange_keys());
        break;
    case State::authentication:
        ASSERT_TRUE(peer.exchange_keys());
        peer.send(role == ssh::Role::server
                      ? Message{MessageNumber::service_accept}.text("ssh-userauth")
                      : Message{MessageNumber::service_request}.text("ssh-userauth"));
        break;
    case State::open:
        ASSERT_TRUE(peer.establish());
        break;
    case State::rekey:
        ASSERT_TRUE(peer.establish());
        peer.cooperates = false;
        peer.send_kexinit();
        break;
    }
    ASSERT_FALSE(peer.ended().has_value());
    peer.forget();
}

/// Numbers whose message has no fields, or may have none.
bool needs_fields(int number) {
    switch (static_cast<MessageNumber>(number)) {
    case MessageNumber::ignore:
    case MessageNumber::unimplemented:
    case MessageNumber::debug:
    case MessageNumber::request_success:
    case MessageNumber::request_failure:
    case MessageNumber::pong:
        return false;
    default:
        return true;
    }
}

class EveryMessageNumber : public testing::TestWithParam<ssh::Role> {};

// An empty message of every number: one that is processed is malformed without its fields and ends
// the session by that name; one that may not come ends it as unexpected.
TEST_P(EveryMessageNumber, DoesWhatTheTableSays) {
    struct Row {
        State state;
        ssh::ProtocolState table;
    };
    using Table = ssh::ProtocolState;
    const ssh::Role receiver =
        GetParam() == ssh::Role::server ? ssh::Role::client : ssh::Role::server;
    for (const Row& row : {Row{State::kex, Table::kex_initial},
                           Row{State::kex_strict, Table::kex_initial_strict},
                           Row{State::service, Table::service},
                           Row{State::authentication, Table::authentication},
                           Row{State::open, Table::open},
                           Row{State::rekey, Table::rekey}}) {
        for (int number = 0; number < 256; ++number) {
            RoguePeer::Options options;
            options.role = GetParam();
            RoguePeer peer{std::move(options)};
            bring_to(peer, row.state, GetParam());

            peer.send(Message{static_cast<std::uint8_t>(number)});

            const std::string where = "state " + std::to_string(static_cast<int>(row.state)) +
                                      ", message " + std::to_string(number);
            const bool let_in = row.state == State::authentication && number == 52;
            EXPECT_EQ(peer.session().is_established(),
                      !peer.ended() && (row.state >= State::open || let_in))
                << where;
            switch (ssh::verdict(receiver, row.table, static_cast<std::uint8_t>(number))) {
            case ssh::Verdict::ignore:
                EXPECT_FALSE(peer.ended().has_value()) << where;
                EXPECT_TRUE(peer.numbers().empty()) << where;
                break;
            case ssh::Verdict::unimplemented:
                EXPECT_FALSE(peer.ended().has_value()) << where;
                if (row.state != State::rekey) {
                    EXPECT_EQ(peer.numbers(), (std::vector{MessageNumber::unimplemented})) << where;
                }
                break;
            case ssh::Verdict::disconnect:
                ASSERT_TRUE(peer.ended().has_value()) << where;
                EXPECT_EQ(peer.ended()->code, ssh::ErrorCode::unexpected_message) << where;
                EXPECT_TRUE(peer.disconnect_reason().has_value()) << where;
                break;
            case ssh::Verdict::process:
                // A success has no fields, and is awaited by a client.
                if (needs_fields(number) && !let_in) {
                    EXPECT_TRUE(peer.ended().has_value()) << where;
                }
                break;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Against,
                         EveryMessageNumber,
                         testing::Values(ssh::Role::server, ssh::Role::client),
                         [](const auto& role) {
                             return role.param == ssh::Role::server ? "AServer" : "AClient";
                         });

}  // namespace
}  // namespace caponier::spec
