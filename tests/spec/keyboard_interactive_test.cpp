// RFC 4256: keyboard-interactive, from either side.

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "tests/spec/authentication_peer.h"
#include "tests/spec/rogue_peer.h"

namespace caponier::spec {
namespace {

using ssh::ErrorCode;
using ssh::MessageNumber;

Message info_request(std::string_view name,
                     std::string_view instruction,
                     std::initializer_list<ssh::Prompt> prompts) {
    Message message =
        Message{MessageNumber::userauth_info_request}.text(name).text(instruction).text("");
    message.uint32(static_cast<std::uint32_t>(prompts.size()));
    for (const ssh::Prompt& prompt : prompts) {
        message.text(prompt.text).boolean(prompt.echo);
    }
    return message;
}

Message info_response(std::initializer_list<std::string_view> answers) {
    Message message = Message{MessageNumber::userauth_info_response}.uint32(
        static_cast<std::uint32_t>(answers.size()));
    for (const std::string_view answer : answers) {
        message.text(answer);
    }
    return message;
}

void answer(RoguePeer& peer, std::initializer_list<std::string_view> texts) {
    std::vector<std::span<const std::byte>> answers;
    for (const std::string_view text : texts) {
        answers.push_back(ssh::bytes_of(text));
    }
    peer.session().answer(answers);
    peer.pump();
}

Message interactive_request() {
    return request_for("keyboard-interactive").text("").text("");
}

// ---- the client --------------------------------------------------------------------------------

class Rfc4256Client : public testing::Test {
  protected:
    static void begin(RoguePeer& peer) {
        refuse_none(peer, "keyboard-interactive");
        peer.session().try_keyboard_interactive();
        peer.pump();
    }
};

// Item 87. RFC 4256 3.1: "The language tag is deprecated and SHOULD be the empty string."
// "Otherwise, it MUST send the empty string" for the submethods.
TEST_F(Rfc4256Client, TheRequestNamesNoSubmethods) {
    RoguePeer peer;

    begin(peer);

    EXPECT_EQ(peer.take(MessageNumber::userauth_request), copy(interactive_request()));
}

// Item 87. RFC 4256 3.3: the client "should then display the name and instruction" and "prompt for
// responses"; 3.4: "The responses MUST be ordered as the prompts were ordered."
TEST_F(Rfc4256Client, PromptsAreAskedAndAnsweredInOrder) {
    RoguePeer peer;
    begin(peer);

    peer.send(info_request(
        "CRYPTOCard", "The challenge is 14315716", {{"Response: ", true}, {"PIN: ", false}}));

    EXPECT_TRUE(
        peer.saw("PromptsWanted CRYPTOCard|The challenge is 14315716|Response: /echo|PIN: "));
    answer(peer, {"6d757575", "1234"});
    EXPECT_EQ(peer.take(MessageNumber::userauth_info_response),
              copy(info_response({"6d757575", "1234"})));
}

// Item 87. RFC 4256 3.4: "In the case that the server sends a `0' num-prompts field in the request
// message, the client MUST send a response message with a `0' num-responses field to complete the
// exchange."
TEST_F(Rfc4256Client, ZeroPromptsAreAnsweredWithZeroAnswers) {
    RoguePeer peer;
    begin(peer);

    peer.send(info_request("", "Push the button", {}));
    EXPECT_TRUE(peer.saw("PromptsWanted |Push the button"));
    answer(peer, {});

    EXPECT_EQ(peer.take(MessageNumber::userauth_info_response), copy(info_response({})));
}

// Item 87. RFC 4256 3.4: "After receiving the response, the server MUST send either an
// SSH_MSG_USERAUTH_SUCCESS, SSH_MSG_USERAUTH_FAILURE, or another SSH_MSG_USERAUTH_INFO_REQUEST
// message."
TEST_F(Rfc4256Client, RoundsFollowEachOtherUntilTheServerDecides) {
    RoguePeer peer;
    begin(peer);
    for (int round = 0; round < 10; ++round) {
        peer.forget();
        peer.send(info_request("", "", {{"Again: ", false}}));
        ASSERT_TRUE(peer.saw("PromptsWanted")) << round;
        answer(peer, {"answer"});
        ASSERT_EQ(peer.count(MessageNumber::userauth_info_response), 1U) << round;
    }

    peer.send(Message{MessageNumber::userauth_success});

    EXPECT_TRUE(peer.session().is_established());
}

TEST_F(Rfc4256Client, AFailureInTheMiddleAsksForAMethod) {
    RoguePeer peer;
    begin(peer);
    peer.send(info_request("", "", {{"Password: ", false}}));
    answer(peer, {"wrong"});

    peer.send(failure_with("password,keyboard-interactive"));

    EXPECT_TRUE(peer.saw("AuthenticationWanted password,keyboard-interactive"));
}

// Nothing that a server sends may go on without end.
TEST_F(Rfc4256Client, RoundsAreLimited) {
    RoguePeer peer;
    begin(peer);
    for (int round = 0; round < ssh::prompt_rounds_max; ++round) {
        peer.send(info_request("", "", {}));
        ASSERT_FALSE(peer.ended().has_value()) << round;
        answer(peer, {});
    }

    peer.send(info_request("", "", {}));

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::protocol_error);
}

TEST_F(Rfc4256Client, MorePromptsThanTheMessageHoldsDisconnect) {
    for (const std::uint32_t count : {2U, 65U, 0xffffffffU}) {
        RoguePeer peer;
        begin(peer);

        peer.send(Message{MessageNumber::userauth_info_request}
                      .text("")
                      .text("")
                      .text("")
                      .uint32(count)
                      .text("Password: ")
                      .boolean(false));

        EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::malformed_message, 60})) << count;
    }
}

TEST_F(Rfc4256Client, ARequestCutAnywhereDisconnects) {
    const Message whole = info_request("name", "instruction", {{"prompt", true}});
    for (std::size_t size = 1; size < whole.payload().size(); ++size) {
        RoguePeer peer;
        begin(peer);

        peer.send(whole.payload().first(size));

        EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::malformed_message, 60})) << size;
    }
}

// Item 85: while the person thinks, the server has nothing to say but banners.
TEST_F(Rfc4256Client, WhatComesWhileAPersonThinksDisconnects) {
    for (const Message& message : {info_request("", "", {{"Second: ", false}}),
                                   Message{MessageNumber::userauth_success},
                                   failure_with("password")}) {
        RoguePeer peer;
        begin(peer);
        peer.send(info_request("", "", {{"First: ", false}}));

        peer.send(message);

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::unexpected_message);
        EXPECT_FALSE(peer.saw("Established"));
    }
}

// Item 83.
TEST_F(Rfc4256Client, ABannerBetweenPromptsIsTold) {
    RoguePeer peer;
    begin(peer);
    peer.send(info_request("", "", {{"First: ", false}}));

    peer.send(Message{MessageNumber::userauth_banner}.text("hurry").text(""));

    EXPECT_TRUE(peer.saw("Banner hurry"));
    answer(peer, {"now"});
    EXPECT_EQ(peer.count(MessageNumber::userauth_info_response), 1U);
}

// RFC 4252 5: "the client MAY at any time continue with a new SSH_MSG_USERAUTH_REQUEST message, in
// which case the server MUST abandon the previous authentication attempt and continue with the new
// one."
TEST_F(Rfc4256Client, APersonWhoDoesNotAnswerMayTurnToAnotherMethod) {
    RoguePeer peer;
    begin(peer);
    peer.send(info_request("", "", {{"Token: ", false}}));
    peer.forget();

    peer.session().try_password(ssh::bytes_of("right"));
    peer.pump();

    EXPECT_EQ(peer.numbers(), (std::vector{MessageNumber::userauth_request}));
    peer.send(Message{MessageNumber::userauth_success});
    EXPECT_TRUE(peer.session().is_established());
}

// Item 50.
TEST_F(Rfc4256Client, OnlyTheServersTimeIsLimited) {
    RoguePeer::Options options;
    options.session.login_timeout = std::chrono::seconds{30};
    RoguePeer peer{std::move(options)};
    begin(peer);
    peer.send(info_request("", "", {{"Token: ", false}}));
    peer.pass(std::chrono::hours{1});
    EXPECT_FALSE(peer.ended().has_value());

    answer(peer, {"123456"});
    peer.pass(std::chrono::seconds{0});
    peer.pass(std::chrono::seconds{31});

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::timed_out);
}

// ---- the server --------------------------------------------------------------------------------

/// Asks twice: for a password and a code, then for nothing; takes "right" and "123456".
class TwoRounds {
  public:
    bool operator()(ssh::Session& session, const ssh::Event& event) {
        if (const auto* asked = std::get_if<ssh::AuthenticationRequested>(&event)) {
            round_ = 0;
            if (asked->method != "keyboard-interactive") {
                session.refuse_authentication("keyboard-interactive");
                return true;
            }
            const std::array prompts{ssh::Prompt{"Password: ", false}, ssh::Prompt{"Code: ", true}};
            session.ask_prompts("", "Two things", prompts);
            return true;
        }
        const auto* answered = std::get_if<ssh::PromptsAnswered>(&event);
        if (answered == nullptr) {
            return false;
        }
        if (round_++ == 0) {
            right_ = ssh::text_of(answered->answers[0]) == "right" &&
                     ssh::text_of(answered->answers[1]) == "123456";
            session.ask_prompts("", "Thank you", {});
        } else if (right_) {
            session.accept_authentication();
        } else {
            session.refuse_authentication("keyboard-interactive");
        }
        return true;
    }

  private:
    int round_ = 0;
    bool right_ = false;
};

class Rfc4256Server : public testing::Test {
  protected:
    static RoguePeer::Options options() { return client_of({"keyboard-interactive"}, TwoRounds{}); }
};

TEST_F(Rfc4256Server, AsksInRoundsAndTakesTheRightAnswers) {
    RoguePeer peer{options()};
    ask_for_service(peer);

    peer.send(interactive_request());
    EXPECT_EQ(peer.take(MessageNumber::userauth_info_request),
              copy(info_request("", "Two things", {{"Password: ", false}, {"Code: ", true}})));
    peer.send(info_response({"right", "123456"}));
    EXPECT_EQ(peer.take(MessageNumber::userauth_info_request),
              copy(info_request("", "Thank you", {})));
    EXPECT_FALSE(peer.session().is_established());
    peer.send(info_response({}));

    EXPECT_TRUE(peer.session().is_established());
}

TEST_F(Rfc4256Server, WrongAnswersAreAFailure) {
    RoguePeer peer{options()};
    ask_for_service(peer);
    peer.send(interactive_request());
    peer.send(info_response({"right", "654321"}));

    peer.send(info_response({}));

    EXPECT_EQ(peer.take(MessageNumber::userauth_failure),
              copy(failure_with("keyboard-interactive")));
    EXPECT_FALSE(peer.session().is_established());
}

// RFC 4256 3.4: "If the num-responses field does not match the num-prompts field in the request
// message, the server MUST send a failure message."
TEST_F(Rfc4256Server, AnotherNumberOfAnswersIsAFailure) {
    for (const Message& response : {info_response({}),
                                    info_response({"right"}),
                                    info_response({"right", "123456", "more"})}) {
        RoguePeer peer{options()};
        ask_for_service(peer);
        peer.send(interactive_request());

        peer.send(response);

        EXPECT_EQ(peer.count(MessageNumber::userauth_failure), 1U);
        EXPECT_FALSE(peer.saw("PromptsAnswered"));
        EXPECT_FALSE(peer.session().is_established());
    }
}

// Item 97: answers that nobody asked for.
TEST_F(Rfc4256Server, AnswersWithoutAQuestionDisconnect) {
    RoguePeer peer{options()};
    ask_for_service(peer);

    peer.send(info_response({"right", "123456"}));

    EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::unexpected_message, 61}));
}

TEST_F(Rfc4256Server, AnswersAreTakenOnce) {
    RoguePeer peer{options()};
    ask_for_service(peer);
    peer.send(interactive_request());
    peer.send(info_response({"wrong", ""}));
    peer.send(info_response({}));

    peer.send(info_response({}));

    EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::unexpected_message, 61}));
}

// Item 94. RFC 4252 5: "the server MUST abandon the previous authentication attempt and continue
// with the new one"; the abandoned one gets no FAILURE.
TEST_F(Rfc4256Server, ANewRequestAbandonsTheQuestionWithoutAFailure) {
    RoguePeer peer{options()};
    ask_for_service(peer);
    peer.send(interactive_request());
    peer.send(info_response({"wrong", ""}));
    peer.forget();

    peer.send(interactive_request());
    EXPECT_EQ(peer.numbers(), (std::vector{MessageNumber::userauth_info_request}));
    peer.send(info_response({"right", "123456"}));
    peer.send(info_response({}));

    EXPECT_TRUE(peer.session().is_established());
}

TEST_F(Rfc4256Server, AResponseCutAnywhereMakesNobodyAUser) {
    const Message whole = info_response({"right", "123456"});
    for (std::size_t size = 1; size < whole.payload().size(); ++size) {
        RoguePeer peer{options()};
        ask_for_service(peer);
        peer.send(interactive_request());

        peer.send(whole.payload().first(size));

        EXPECT_TRUE(peer.ended().has_value()) << size;
        EXPECT_FALSE(peer.session().is_established()) << size;
    }
}

}  // namespace
}  // namespace caponier::spec
