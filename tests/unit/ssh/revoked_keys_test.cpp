// Lists of revoked keys, as RevokedHostKeys names them.

#include "ssh/keys/revoked_keys.h"

#include <string>

#include <gtest/gtest.h>

#include "ssh/keys/base64.h"
#include "ssh/keys/public_key.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"
#include "tests/unit/ssh/hex.h"
#include "tests/unit/ssh/test_certificates.h"
#include "tests/unit/ssh/test_keys.h"

namespace caponier::ssh {
namespace {

std::string line_of(std::string_view text) {
    return std::string{text.substr(0, text.find('\n'))} + '\n';
}

const std::string ed25519 = line_of(test_keys::ed25519_public);
const std::string rsa = line_of(test_keys::rsa_public);

std::vector<std::byte> blob_of(std::string_view line) {
    return parse_public_key_line(line.substr(0, line.find('\n')))->blob;
}

TEST(RevokedKeys, AreFoundWithTheirLine) {
    const std::vector<std::byte> key = blob_of(ed25519);
    const auto found = find_revoked("# comment\n\n" + rsa + " \t" + ed25519, {key});

    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(*found, std::optional<std::size_t>{4});
}

TEST(RevokedKeys, MayBeAnyOfThoseThatAreAskedFor) {
    const std::vector<std::byte> key = blob_of(ed25519);
    const std::vector<std::byte> authority = blob_of(rsa);

    EXPECT_EQ(*find_revoked(rsa, {key, authority}), std::optional<std::size_t>{1});
    EXPECT_EQ(*find_revoked(ed25519, {key, authority}), std::optional<std::size_t>{1});
}

// A stolen RSA key is not another one because it is shown under the name of a signature.
TEST(RevokedKeys, OfRsaAreFoundUnderAnyName) {
    const std::vector<std::byte> key = blob_of(rsa);
    WireReader in{key};
    in.text();
    std::vector<std::byte> other;
    WireWriter out{other};
    out.text("rsa-sha2-256");
    out.fixed(in.rest());

    EXPECT_EQ(*find_revoked(rsa, {other}), std::optional<std::size_t>{1});
    EXPECT_EQ(*find_revoked("rsa-sha2-256 " + encode_base64(other) + '\n', {key}),
              std::optional<std::size_t>{1});
}

TEST(RevokedKeys, AreNotAllOthers) {
    const std::vector<std::byte> key = blob_of(ed25519);

    EXPECT_EQ(*find_revoked("", {key}), std::nullopt);
    EXPECT_EQ(*find_revoked(rsa, {key}), std::nullopt);
    EXPECT_EQ(*find_revoked("#" + ed25519, {key}), std::nullopt);
}

TEST(RevokedKeys, MayBeListedAsCertificates) {
    const std::vector<std::byte> key = blob_of(ed25519);

    EXPECT_EQ(*find_revoked(test_certificates::host_ed25519, {key}), std::optional<std::size_t>{1});
    EXPECT_EQ(*find_revoked(test_certificates::host_rsa, {key}), std::nullopt);
}

// A line that cannot be read may have been the one.
TEST(RevokedKeys, WithALineThatIsNoKeyAreAnError) {
    const std::vector<std::byte> key = blob_of(ed25519);
    for (const std::string bad : {"ssh-ed25519 AAAA\n", "rubbish\n", "* ssh-ed25519 AAAA\n"}) {
        const auto found = find_revoked(rsa + bad, {key});

        ASSERT_FALSE(found.has_value()) << bad;
        EXPECT_EQ(found.error(), (Error{ErrorCode::malformed_key, 2}));
    }
}

TEST(RevokedKeys, InTheBinaryFormatAreAnError) {
    const auto found = find_revoked(std::string_view{"SSHKRL\n\0\0\0\0\1", 12}, {});

    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().code, ErrorCode::unsupported_key);
}

}  // namespace
}  // namespace caponier::ssh
