// The ssh-agent protocol: what is asked, and every way an answer can be broken (item 90).

#include "ssh/keys/agent_messages.h"

#include <vector>

#include <gtest/gtest.h>

#include "ssh/limits.h"
#include "ssh/wire/wire_writer.h"
#include "tests/unit/ssh/hex.h"

namespace caponier::ssh {
namespace {

using Bytes = std::vector<std::byte>;

template <typename T>
ErrorCode error_of(const Result<T>& result) {
    return result ? ErrorCode{} : result.error().code;
}

Bytes sign_response(std::string_view algorithm) {
    Bytes answer = from_hex("0e");
    WireWriter out{answer};
    const WireWriter::OpenString signature = out.begin_string();
    out.text(algorithm);
    out.text("signature");
    out.end_string(signature);
    return answer;
}

TEST(AgentRequest, ForIdentitiesIsOneByteInAFrame) {
    EXPECT_EQ(make_request_identities(), from_hex("00000001 0b"));
}

// draft-ietf-sshm-ssh-agent 3.6.1: flags 2 and 4.
TEST(AgentRequest, ToSignCarriesTheFlagsOfTheAlgorithm) {
    const Bytes key = from_hex("aa");
    const Bytes data = from_hex("bbcc");
    const auto request = [&](std::string_view algorithm) {
        return make_sign_request({.key = key, .algorithm = algorithm, .data = data});
    };

    EXPECT_EQ(request("ssh-ed25519"), from_hex("00000010 0d 00000001 aa 00000002 bbcc 00000000"));
    EXPECT_EQ(request("rsa-sha2-256"), from_hex("00000010 0d 00000001 aa 00000002 bbcc 00000002"));
    EXPECT_EQ(request("rsa-sha2-512"), from_hex("00000010 0d 00000001 aa 00000002 bbcc 00000004"));
    EXPECT_EQ(request("ssh-rsa"), from_hex("00000010 0d 00000001 aa 00000002 bbcc 00000000"));
}

TEST(AgentRequest, ToBindASessionHasTheFieldsOfTheExtension) {
    const Bytes host_key = from_hex("01");
    const Bytes session_id = from_hex("02");
    const Bytes signature = from_hex("03");

    const Bytes frame = make_session_bind({.host_key = host_key,
                                           .session_id = session_id,
                                           .signature = signature,
                                           .is_forwarding = false});

    Bytes expected = from_hex("0000002d 1b");
    WireWriter out{expected};
    out.text("session-bind@openssh.com");
    out.fixed(from_hex("00000001 01 00000001 02 00000001 03 00"));
    EXPECT_EQ(frame, expected);
}

TEST(AgentFrame, IsAsLongAsItsLengthSays) {
    const Result<std::optional<std::size_t>> smallest = agent_frame_bytes(from_hex("00000001"));
    const Result<std::optional<std::size_t>> largest = agent_frame_bytes(from_hex("00040000 ff"));

    ASSERT_TRUE(smallest.has_value() && largest.has_value());
    EXPECT_TRUE(*smallest == std::size_t{5});
    EXPECT_TRUE(*largest == std::size_t{agent_message_bytes_max + 4});
}

TEST(AgentFrame, IsUnknownUntilItsLengthIsThere) {
    const Result<std::optional<std::size_t>> nothing = agent_frame_bytes({});
    const Result<std::optional<std::size_t>> three_bytes = agent_frame_bytes(from_hex("000000"));

    ASSERT_TRUE(nothing.has_value() && three_bytes.has_value());
    EXPECT_FALSE(nothing->has_value());
    EXPECT_FALSE(three_bytes->has_value());
}

TEST(AgentFrame, OfNothingOrTooMuchIsMalformed) {
    EXPECT_EQ(error_of(agent_frame_bytes(from_hex("00000000"))), ErrorCode::malformed_message);
    EXPECT_EQ(error_of(agent_frame_bytes(from_hex("00040001"))), ErrorCode::malformed_message);
    EXPECT_EQ(error_of(agent_frame_bytes(from_hex("ffffffff"))), ErrorCode::malformed_message);
}

TEST(AgentIdentities, AreListedWithTheirComments) {
    const Bytes answer = from_hex("0c 00000002 00000001 aa 00000001 61 00000002 bbcc 00000000");

    const Result<std::vector<AgentIdentity>> identities = parse_identities_answer(answer);

    ASSERT_TRUE(identities.has_value());
    ASSERT_EQ(identities->size(), 2U);
    EXPECT_EQ(copy_of((*identities)[0].key), from_hex("aa"));
    EXPECT_EQ((*identities)[0].comment, "a");
    EXPECT_EQ(copy_of((*identities)[1].key), from_hex("bbcc"));
    EXPECT_EQ((*identities)[1].comment, "");
}

TEST(AgentIdentities, MayBeNone) {
    const Result<std::vector<AgentIdentity>> identities =
        parse_identities_answer(from_hex("0c 00000000"));

    ASSERT_TRUE(identities.has_value());
    EXPECT_TRUE(identities->empty());
}

TEST(AgentIdentities, CutShortOrTooLongAreMalformed) {
    Bytes answer = from_hex("0c 00000002 00000001 aa 00000001 61 00000002 bbcc 00000000");
    for (std::size_t size = 0; size < answer.size(); ++size) {
        EXPECT_EQ(error_of(parse_identities_answer(std::span{answer}.first(size))),
                  ErrorCode::malformed_message)
            << size;
    }
    answer.push_back(std::byte{0});
    EXPECT_EQ(error_of(parse_identities_answer(answer)), ErrorCode::malformed_message);
}

TEST(AgentIdentities, CannotMakeUsAllocateByTheirCount) {
    EXPECT_EQ(error_of(parse_identities_answer(from_hex("0c ffffffff 00000001 aa 00000000"))),
              ErrorCode::malformed_message);
    EXPECT_EQ(error_of(parse_identities_answer(from_hex("0c 00000801"))),
              ErrorCode::malformed_message);
}

TEST(AgentAnswer, OfFailureIsARefusal) {
    for (const char* refusal : {"05", "1c", "1e", "66"}) {
        EXPECT_EQ(error_of(parse_identities_answer(from_hex(refusal))),
                  ErrorCode::authentication_failed);
        EXPECT_EQ(error_of(parse_sign_response(from_hex(refusal), "ssh-ed25519")),
                  ErrorCode::authentication_failed);
        EXPECT_EQ(error_of(parse_success(from_hex(refusal))), ErrorCode::authentication_failed);
    }
}

TEST(AgentAnswer, OfAnotherKindIsMalformed) {
    EXPECT_EQ(error_of(parse_identities_answer(sign_response("ssh-ed25519"))),
              ErrorCode::malformed_message);
    EXPECT_EQ(error_of(parse_sign_response(from_hex("0c 00000000"), "ssh-ed25519")),
              ErrorCode::malformed_message);
    EXPECT_EQ(error_of(parse_sign_response({}, "ssh-ed25519")), ErrorCode::malformed_message);
    EXPECT_EQ(error_of(parse_success({})), ErrorCode::malformed_message);
    EXPECT_TRUE(parse_success(from_hex("06")).has_value());
}

TEST(AgentSignature, IsReturnedWhole) {
    const Bytes answer = sign_response("rsa-sha2-256");

    const Result<std::span<const std::byte>> signature =
        parse_sign_response(answer, "rsa-sha2-256");

    ASSERT_TRUE(signature.has_value());
    EXPECT_EQ(copy_of(*signature), copy_of(std::span{answer}.subspan(5)));
}

// What it signs goes into one packet with two keys.
TEST(AgentSignature, LargerThanAnyRealOneIsRefused) {
    for (const std::size_t bytes : {signature_bytes_max, signature_bytes_max + 1}) {
        Bytes signature;
        WireWriter fields{signature};
        fields.text("ssh-ed25519");
        fields.string(Bytes(bytes - signature.size() - 4));
        ASSERT_EQ(signature.size(), bytes);
        Bytes answer;
        WireWriter out{answer};
        out.byte(14);
        out.string(signature);

        const Result<std::span<const std::byte>> parsed =
            parse_sign_response(answer, "ssh-ed25519");

        EXPECT_EQ(parsed.has_value(), bytes == signature_bytes_max);
        EXPECT_TRUE(parsed.has_value() || parsed.error().code == ErrorCode::oversized_key);
    }
}

// An agent that does not know the flags signs with SHA-1.
TEST(AgentSignature, OfAnotherAlgorithmIsRefused) {
    EXPECT_EQ(error_of(parse_sign_response(sign_response("ssh-rsa"), "rsa-sha2-256")),
              ErrorCode::unsupported_key);
}

TEST(AgentSignature, CutShortOrTooLongIsMalformed) {
    Bytes answer = sign_response("ssh-ed25519");
    for (std::size_t size = 0; size < answer.size(); ++size) {
        EXPECT_EQ(error_of(parse_sign_response(std::span{answer}.first(size), "ssh-ed25519")),
                  ErrorCode::malformed_message)
            << size;
    }
    answer.push_back(std::byte{0});
    EXPECT_EQ(error_of(parse_sign_response(answer, "ssh-ed25519")), ErrorCode::malformed_message);
    EXPECT_EQ(error_of(parse_sign_response(from_hex("0e 00000000"), "ssh-ed25519")),
              ErrorCode::malformed_message);
}

}  // namespace
}  // namespace caponier::ssh
