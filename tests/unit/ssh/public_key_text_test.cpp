// Public keys in files: .pub lines and RFC 4716.

#include <string>

#include <gtest/gtest.h>

#include "ssh/keys/public_key.h"
#include "tests/unit/ssh/hex.h"
#include "tests/unit/ssh/test_keys.h"

namespace caponier::ssh {
namespace {

std::string first_line(std::string_view text) {
    return std::string{text.substr(0, text.find('\n'))};
}

std::string base64_of(std::string_view line) {
    const std::size_t begin = line.find(' ') + 1;
    return std::string{line.substr(begin, line.find(' ', begin) - begin)};
}

TEST(PublicKeyLine, HasATypeAKeyAndAComment) {
    const Result<PublicKeyText> key = parse_public_key_line(first_line(test_keys::ed25519_public));

    ASSERT_TRUE(key.has_value());
    EXPECT_EQ(blob_type_name(key->blob), "ssh-ed25519");
    EXPECT_EQ(key->comment, "ed25519@example");
}

TEST(PublicKeyLine, MayHaveBlanksAnywhereAndNoComment) {
    const std::string base64 = base64_of(test_keys::ed25519_public);

    const Result<PublicKeyText> key = parse_public_key_line(" \tssh-ed25519 \t" + base64 + " ");

    ASSERT_TRUE(key.has_value());
    EXPECT_EQ(key->comment, "");
}

// Which lines are too long is decided by who reads them: a revocation does not end at its comment.
TEST(PublicKeyLine, MayHaveACommentOfAnyLength) {
    const std::string comment(100'000, 'c');

    const Result<PublicKeyText> key = parse_public_key_line(
        "ssh-ed25519 " + base64_of(test_keys::ed25519_public) + " " + comment);

    ASSERT_TRUE(key.has_value());
    EXPECT_EQ(key->comment, comment);
}

TEST(PublicKeyLine, MustNameTheTypeThatItHolds) {
    const std::string base64 = base64_of(test_keys::ed25519_public);

    EXPECT_FALSE(parse_public_key_line("ssh-rsa " + base64).has_value());
    EXPECT_FALSE(parse_public_key_line(base64).has_value());
    EXPECT_FALSE(parse_public_key_line(base64 + " " + base64).has_value());
}

// b64_pton() skips what isspace() says; blanks and tabs end the word before.
TEST(PublicKeyLine, MayHaveOtherSpaceInItsKey) {
    const std::string base64 = base64_of(test_keys::ed25519_public);
    for (const std::string& line :
         {"ssh-ed25519 " + base64 + "\r",
          "ssh-ed25519 " + base64 + "\r comment",
          "ssh-ed25519 \v" + base64 + "\f\r",
          "ssh-ed25519 " + base64.substr(0, 20) + "\r" + base64.substr(20)}) {
        EXPECT_TRUE(parse_public_key_line(line).has_value()) << line;
    }
    EXPECT_FALSE(parse_public_key_line("ssh-ed25519\r " + base64).has_value());
}

TEST(PublicKeyLine, ThatIsBrokenIsMalformed) {
    const std::string base64 = base64_of(test_keys::ed25519_public);
    for (const std::string& line : {std::string{},
                                    std::string{" "},
                                    std::string{"ssh-ed25519"},
                                    std::string{"ssh-ed25519 "},
                                    std::string{"ssh-ed25519 !!!!"},
                                    std::string{"ssh-ed25519 AAAA"},
                                    "ssh-ed25519 " + base64.substr(0, base64.size() - 1),
                                    "ssh-ed25519 " + base64.substr(0, base64.size() - 4)}) {
        const Result<PublicKeyText> key = parse_public_key_line(line);
        ASSERT_FALSE(key.has_value()) << line.substr(0, 80);
        EXPECT_EQ(key.error().code, ErrorCode::malformed_key);
    }
}

TEST(Rfc4716PublicKey, IsTheSameKeyAsTheLine) {
    const Result<PublicKeyText> line = parse_public_key_line(first_line(test_keys::rsa_public));
    const Result<PublicKeyText> key = parse_rfc4716_public_key(test_keys::rsa_rfc4716);

    ASSERT_TRUE(key.has_value());
    ASSERT_TRUE(line.has_value());
    EXPECT_EQ(key->blob, line->blob);
    EXPECT_NE(key->comment.find("2048-bit RSA"), std::string::npos);
    EXPECT_EQ(key->comment.find('"'), std::string::npos);
}

// RFC 4716 3.3: case-insensitive tags, unknown headers are ignored, a backslash continues.
TEST(Rfc4716PublicKey, ReadsItsHeaders) {
    const std::string text =
        "---- BEGIN SSH2 PUBLIC KEY ----\r\n"
        "x-unknown: something: else\r\n"
        "COMMENT: a long \\\r\n"
        "comment\r\n" +
        base64_of(test_keys::ed25519_public) + "\r\n---- END SSH2 PUBLIC KEY ----\r\n";

    const Result<PublicKeyText> key = parse_rfc4716_public_key(text);

    ASSERT_TRUE(key.has_value());
    EXPECT_EQ(key->comment, "a long comment");
}

TEST(Rfc4716PublicKey, ThatIsBrokenIsMalformed) {
    const std::string base64 = base64_of(test_keys::ed25519_public) + "\n";
    const std::string begin = "---- BEGIN SSH2 PUBLIC KEY ----\n";
    const std::string end = "---- END SSH2 PUBLIC KEY ----\n";
    for (const std::string& text :
         {begin + base64,            // no end
          base64 + end,              // no begin
          begin + end,               // no key
          begin + "!!!!\n" + end,    // not base64
          begin + "Comment: x\\\n",  // ends in a continuation
          begin + "Comment: " + std::string(80, 'c') + "\n" + base64 + end,  // line above 72
          begin + std::string(65, 't') + ": c\n" + base64 + end,             // tag above 64
          begin + base64 + "Comment: behind the body\n" + end}) {
        EXPECT_FALSE(parse_rfc4716_public_key(text).has_value()) << text;
    }
}

TEST(Rfc4716PublicKey, HasHeaderValuesOfUpTo1024Bytes) {
    const auto with_lines = [](int lines) {
        std::string text = "---- BEGIN SSH2 PUBLIC KEY ----\nComment: \\\n";
        for (int i = 0; i < lines; ++i) {
            text += std::string(63, 'c') + "\\\n";
        }
        return text + "c\n" + base64_of(test_keys::ed25519_public) +
               "\n---- END SSH2 PUBLIC KEY ----\n";
    };

    EXPECT_TRUE(parse_rfc4716_public_key(with_lines(16)).has_value());
    EXPECT_FALSE(parse_rfc4716_public_key(with_lines(17)).has_value());
    EXPECT_FALSE(parse_rfc4716_public_key(with_lines(500)).has_value());
}

TEST(PublicKeyFile, MayBeEitherFormat) {
    EXPECT_TRUE(parse_public_key_file(test_keys::rsa_rfc4716).has_value());
    EXPECT_TRUE(parse_public_key_file(test_keys::rsa_public).has_value());
    EXPECT_TRUE(
        parse_public_key_file("# comment\n\n" + std::string{test_keys::rsa_public}).has_value());
    EXPECT_FALSE(parse_public_key_file("").has_value());
    EXPECT_FALSE(parse_public_key_file("# comment\n").has_value());
    EXPECT_FALSE(parse_public_key_file(std::string(70'000, '\n')).has_value());
}

}  // namespace
}  // namespace caponier::ssh
