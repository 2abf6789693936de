// Role x state x message number, all of it, against an expectation that is written from the RFCs'
// side: for every state, the numbers that may come. Whatever is not named is an error.

#include "ssh/transport/message_table.h"

#include <array>
#include <cstdint>
#include <set>

#include <gtest/gtest.h>

namespace caponier::ssh {
namespace {

using Numbers = std::set<int>;

Numbers range(int first, int last) {
    Numbers numbers;
    for (int number = first; number <= last; ++number) {
        numbers.insert(number);
    }
    return numbers;
}

Numbers operator+(Numbers a, const Numbers& b) {
    a.insert(b.begin(), b.end());
    return a;
}

/// RFC 4250 4.1.2 and the RFCs that came after it: every number that somebody assigned or reserved
/// for a purpose that is known here.
Numbers assigned() {
    return Numbers{1, 2, 3, 4, 5, 6, 7, 8, 20, 21, 80, 81, 82, 192, 193} + range(30, 49) +
           range(50, 53) + range(60, 79) + range(90, 100);
}

struct Expectation {
    Numbers processed;
    Numbers ignored;
    Numbers answered{};  ///< with SSH_MSG_UNIMPLEMENTED, besides unknown ones
    bool unknowns_are_answered = false;
    int answered_below = 256;  ///< RFC 4252 6: not those of 80 and higher before authentication
};

Expectation expectation(Role receiver, ProtocolState state) {
    const bool client = receiver == Role::client;
    switch (state) {
    case ProtocolState::identification:
        return {};
    case ProtocolState::kex_initial:
        return {.processed = Numbers{1, 2, 3, 4, 20, 21} + range(30, 49),
                .ignored = {},
                .unknowns_are_answered = true};
    case ProtocolState::kex_initial_strict:
        return {.processed = Numbers{1, 20, 21} + range(30, 49), .ignored = {}};
    case ProtocolState::service:
        return {.processed = Numbers{1, 2, 3, 4, 7, client ? 6 : 5},
                .ignored = {192, 193},
                .unknowns_are_answered = true,
                .answered_below = 80};
    case ProtocolState::authentication:
        return {.processed = Numbers{1, 2, 3, 4, 7} +
                             (client ? range(51, 53) + range(60, 79) : Numbers{50, 61}),
                .ignored = {192, 193},
                .unknowns_are_answered = true,
                .answered_below = 80};
    case ProtocolState::open:
        // What belongs before the login is answered like a number that nobody knows, as in OpenSSH.
        return {.processed = Numbers{1, 2, 3, 4, 20, 80, 81, 82, 192, 193} + range(90, 100),
                .ignored = client ? Numbers{} : Numbers{50},
                .answered = Numbers{5, 6, 7} + range(50, 53) + range(60, 79),
                .unknowns_are_answered = true};
    case ProtocolState::rekey:
        // A server may go on with its channels until its NEWKEYS, as AsyncSSH's does.
        return {.processed = Numbers{1, 2, 3, 4, 21} + range(30, 49) +
                             (client ? Numbers{80, 81, 82} + range(90, 100) : Numbers{}),
                .ignored = {}};
    case ProtocolState::ended:
        return {.processed = {}, .ignored = range(0, 255)};
    }
    return {};
}

// Item 195 of the checklist, and RFC 4253 7.1 and 11, RFC 4252 5.1 and 6, RFC 4254.
TEST(MessageTable, AllowsWhatTheStandardsAllowAndNothingElse) {
    constexpr std::array states{ProtocolState::identification,
                                ProtocolState::kex_initial,
                                ProtocolState::kex_initial_strict,
                                ProtocolState::service,
                                ProtocolState::authentication,
                                ProtocolState::open,
                                ProtocolState::rekey,
                                ProtocolState::ended};
    const Numbers known = assigned() + Numbers{0};
    for (const Role receiver : {Role::client, Role::server}) {
        for (const ProtocolState state : states) {
            const Expectation expected = expectation(receiver, state);
            for (int number = 0; number < 256; ++number) {
                Verdict verdict_expected = Verdict::disconnect;
                if (expected.processed.contains(number)) {
                    verdict_expected = Verdict::process;
                } else if (expected.ignored.contains(number)) {
                    verdict_expected = Verdict::ignore;
                } else if (expected.answered.contains(number)) {
                    verdict_expected = Verdict::unimplemented;
                } else if (expected.unknowns_are_answered && !known.contains(number) &&
                           number < expected.answered_below) {
                    verdict_expected = Verdict::unimplemented;
                }
                EXPECT_EQ(verdict(receiver, state, static_cast<std::uint8_t>(number)),
                          verdict_expected)
                    << (receiver == Role::client ? "client" : "server") << ", state "
                    << static_cast<int>(state) << ", message " << number;
            }
        }
    }
}

}  // namespace
}  // namespace caponier::ssh
