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
    return std::string{text.substr(0, text.find('\n'))};
}

const std::string ed25519 = line_of(test_keys::ed25519_public);
const std::string rsa = line_of(test_keys::rsa_public);

std::vector<std::byte> blob_of(std::string_view line) {
    return parse_public_key_line(line)->blob;
}

TEST(RevokedKeys, AreFound) {
    const std::vector<std::byte> key = blob_of(ed25519);

    EXPECT_TRUE(*revokes(" \t" + ed25519, {key}));
    EXPECT_TRUE(*revokes(ed25519 + " " + std::string(100'000, 'c'), {key})) << "a long comment";
}

TEST(RevokedKeys, MayBeAnyOfThoseThatAreAskedFor) {
    const std::vector<std::byte> key = blob_of(ed25519);
    const std::vector<std::byte> authority = blob_of(rsa);

    EXPECT_TRUE(*revokes(rsa, {key, authority}));
    EXPECT_TRUE(*revokes(ed25519, {key, authority}));
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

    EXPECT_TRUE(*revokes(rsa, {other}));
    EXPECT_TRUE(*revokes("rsa-sha2-256 " + encode_base64(other), {key}));
}

TEST(RevokedKeys, AreNotAllOthers) {
    const std::vector<std::byte> key = blob_of(ed25519);
    for (const std::string& other : {std::string{}, std::string{" \t"}, rsa, "#" + ed25519}) {
        const Result<bool> found = revokes(other, {key});

        ASSERT_TRUE(found.has_value()) << other;
        EXPECT_FALSE(*found) << other;
    }
}

TEST(RevokedKeys, MayBeListedAsCertificates) {
    const std::vector<std::byte> key = blob_of(ed25519);

    EXPECT_TRUE(*revokes(test_certificates::host_ed25519, {key}));
    EXPECT_FALSE(*revokes(test_certificates::host_rsa, {key}));
}

// A line that cannot be read may have been the one.
TEST(RevokedKeys, WithALineThatIsNoKeyAreAnError) {
    const std::vector<std::byte> key = blob_of(ed25519);
    for (const std::string bad : {"ssh-ed25519 AAAA", "rubbish", "* ssh-ed25519 AAAA"}) {
        const auto found = revokes(bad, {key});

        ASSERT_FALSE(found.has_value()) << bad;
        EXPECT_EQ(found.error().code, ErrorCode::malformed_key);
    }
}

// PROTOCOL.krl: such a file begins with "SSHKRL" and a line feed.
TEST(RevokedKeys, InTheBinaryFormatAreAnError) {
    const auto found = revokes("SSHKRL", {});

    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().code, ErrorCode::unsupported_key);
}

}  // namespace
}  // namespace caponier::ssh
