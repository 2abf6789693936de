// What known_hosts files decide about a host's key, as OpenSSH does. Checklist 183.

#include "ssh/keys/known_hosts.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "ssh/keys/base64.h"
#include "ssh/keys/host_patterns.h"
#include "ssh/keys/public_key.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"
#include "tests/unit/ssh/hex.h"
#include "tests/unit/ssh/test_certificates.h"
#include "tests/unit/ssh/test_keys.h"

namespace caponier::ssh {
namespace {

using Status = HostKeyVerdict::Status;
using Bytes = std::vector<std::byte>;

/// "ssh-ed25519 AAAA...", without the comment and the line feed.
std::string key_text(std::string_view public_line) {
    return std::string{public_line.substr(0, public_line.rfind(' '))};
}

Bytes blob_of(std::string_view public_line) {
    const Result<PublicKeyText> parsed = parse_public_key_line(key_text(public_line));
    EXPECT_TRUE(parsed.has_value());
    return parsed ? parsed->blob : Bytes{};
}

const std::string ed25519 = key_text(test_keys::ed25519_public);
const std::string ecdsa = key_text(test_keys::ecdsa_nistp256_public);
const std::string rsa = key_text(test_keys::rsa_public);
const Bytes ed25519_blob = blob_of(test_keys::ed25519_public);
const Bytes rsa_blob = blob_of(test_keys::rsa_public);

/// Another key of the same type.
Bytes other_ed25519_blob() {
    return make_public_key_blob(
        {.type = KeyType::ed25519, .bits = 256, .point = Bytes(32, std::byte{1})});
}

KnownHosts known(const HostName& host, std::string_view text) {
    KnownHosts hosts{host};
    hosts.add_file(text);
    return hosts;
}

Status status_of(std::string_view text, const HostName& host = {.host = "host"}) {
    return known(host, text).check(ed25519_blob).status;
}

TEST(KnownHosts, DoNotKnowAHostThatNoLineNames) {
    EXPECT_EQ(status_of(""), Status::unknown);
    EXPECT_EQ(status_of("other " + ed25519 + "\n"), Status::unknown);
}

TEST(KnownHosts, MatchTheRecordedKeyAndTellItsLine) {
    const KnownHosts hosts = known({.host = "host"}, "# comment\n\nother,host " + ed25519 + " c\n");

    const HostKeyVerdict verdict = hosts.check(ed25519_blob);

    EXPECT_EQ(verdict.status, Status::matched);
    ASSERT_NE(verdict.recorded, nullptr);
    EXPECT_EQ(verdict.recorded->line, 3U);
    EXPECT_EQ(verdict.recorded->file, 0U);
}

/// The RSA key under the name of a signature algorithm.
Bytes rsa_blob_named(std::string_view name) {
    WireReader in{rsa_blob};
    in.text();
    Bytes blob;
    WireWriter out{blob};
    out.text(name);
    out.fixed(in.rest());
    return blob;
}

// Lines and servers that call an RSA key after its signatures mean the key, as for ssh.
TEST(KnownHosts, MatchAnRsaKeyUnderAnyOfItsNames) {
    for (const std::string_view line_name : {"ssh-rsa", "rsa-sha2-512", "rsa-sha2-256"}) {
        for (const std::string_view blob_name : {"ssh-rsa", "rsa-sha2-512", "rsa-sha2-256"}) {
            const std::string key =
                std::string{line_name} + ' ' + encode_base64(rsa_blob_named(blob_name)) + '\n';
            const KnownHosts hosts = known({.host = "host"}, "host " + key);
            const KnownHosts revoking = known({.host = "host"}, "@revoked * " + key);

            EXPECT_EQ(hosts.key_types(), std::vector<std::string_view>{"ssh-rsa"});
            for (const std::string_view shown : {"ssh-rsa", "rsa-sha2-512", "rsa-sha2-256"}) {
                EXPECT_EQ(hosts.check(rsa_blob_named(shown)).status, Status::matched);
                EXPECT_EQ(revoking.check(rsa_blob_named(shown)).status, Status::revoked);
            }
            EXPECT_EQ(hosts.check(ed25519_blob).status, Status::changed);
        }
    }
}

// The name of one type in front of another is somebody's attempt at confusion as before.
TEST(KnownHosts, SkipALineWhoseNameIsAnotherTypes) {
    for (const std::string& text :
         {"host ssh-ed25519 " + encode_base64(rsa_blob_named("rsa-sha2-512")),
          "host rsa-sha2-512 " + encode_base64(ed25519_blob)}) {
        const KnownHosts hosts = known({.host = "host"}, text + "\n");

        EXPECT_EQ(hosts.skipped_count(), 1U);
        EXPECT_EQ(hosts.check(rsa_blob).status, Status::unknown);
        EXPECT_EQ(hosts.check(ed25519_blob).status, Status::unknown);
    }
}

TEST(KnownHosts, RecordAnRsaKeyUnderItsOwnName) {
    EXPECT_EQ(known_hosts_line({.host = "host"}, rsa_blob_named("rsa-sha2-512")),
              known_hosts_line({.host = "host"}, rsa_blob));
}

TEST(KnownHosts, TellWhichLineConflicts) {
    const KnownHosts hosts = known({.host = "host"}, "other " + rsa + "\nhost " + ed25519 + "\n");

    const HostKeyVerdict verdict = hosts.check(other_ed25519_blob());

    EXPECT_EQ(verdict.status, Status::changed);
    ASSERT_NE(verdict.recorded, nullptr);
    EXPECT_EQ(verdict.recorded->line, 2U);
    EXPECT_EQ(fingerprint(verdict.recorded->blob), fingerprint(ed25519_blob));
}

// hostfile.c: "If no key matches but a key with a different type is found, then return
// HOST_CHANGED".
TEST(KnownHosts, TakeAKeyOfAnotherTypeForAChange) {
    EXPECT_EQ(status_of("host " + rsa + "\n"), Status::changed);
}

TEST(KnownHosts, NameTheConflictOfTheSameTypeIfThereIsOne) {
    const KnownHosts hosts =
        known({.host = "host"}, "host " + rsa + "\nhost " + ed25519 + "\nhost " + ecdsa + "\n");

    const HostKeyVerdict verdict = hosts.check(other_ed25519_blob());

    EXPECT_EQ(verdict.status, Status::changed);
    EXPECT_EQ(verdict.recorded->line, 2U);
}

TEST(KnownHosts, MatchOneOfSeveralKeysInAnyOrderAndFile) {
    EXPECT_EQ(status_of("host " + rsa + "\nhost " + ed25519 + "\n"), Status::matched);
    EXPECT_EQ(status_of("host " + ed25519 + "\nhost " + rsa + "\n"), Status::matched);
    KnownHosts hosts{{.host = "host"}};
    hosts.add_file("host " + rsa + "\n");
    hosts.add_file("\nhost " + ed25519 + "\n");
    const HostKeyVerdict verdict = hosts.check(ed25519_blob);
    EXPECT_EQ(verdict.status, Status::matched);
    EXPECT_EQ(verdict.recorded->file, 1U);
    EXPECT_EQ(verdict.recorded->line, 2U);
}

TEST(KnownHosts, RefuseARevokedKeyWhateverElseVouchesForIt) {
    EXPECT_EQ(status_of("@revoked * " + ed25519 + "\n"), Status::revoked);
    EXPECT_EQ(status_of("host " + ed25519 + "\n@revoked host " + ed25519 + "\n"), Status::revoked);
    EXPECT_EQ(status_of("@revoked host " + ed25519 + "\nhost " + ed25519 + "\n"), Status::revoked);
    EXPECT_EQ(status_of("@revoked other " + ed25519 + "\n"), Status::unknown);
    EXPECT_EQ(status_of("@revoked host " + rsa + "\n"), Status::unknown);
    EXPECT_EQ(known({.host = "host"}, "\n@revoked * " + ed25519).check(ed25519_blob).recorded->line,
              2U);
}

// A plain name's revocation holds on every port.
TEST(KnownHosts, RefuseARevokedKeyOnEveryPort) {
    EXPECT_EQ(status_of("[host]:2222 " + ed25519 + "\n@revoked host " + ed25519 + "\n",
                        {.host = "host", .port = 2222}),
              Status::revoked);
}

TEST(KnownHosts, TakeNoCertificateAuthorityForAHostKey) {
    const KnownHosts hosts = known({.host = "host"}, "@cert-authority * " + ed25519 + "\n");

    EXPECT_EQ(hosts.check(ed25519_blob).status, Status::unknown);
}

TEST(KnownHosts, SkipLinesWithUnknownMarkers) {
    EXPECT_EQ(status_of("@unknown host " + ed25519 + "\n"), Status::unknown);
    EXPECT_EQ(status_of("@ host " + ed25519 + "\n"), Status::unknown);
    EXPECT_EQ(status_of("@revoked @revoked host " + ed25519 + "\n"), Status::unknown);
    EXPECT_EQ(status_of("@revoked\n"), Status::unknown);
}

TEST(KnownHosts, TellPortsApart) {
    const std::string text = "[host]:2222 " + ed25519 + "\n";

    EXPECT_EQ(status_of(text, {.host = "host", .port = 2222}), Status::matched);
    EXPECT_EQ(status_of(text, {.host = "host", .port = 2223}), Status::unknown);
    EXPECT_EQ(status_of(text, {.host = "host", .port = 22}), Status::unknown);
}

// sshconnect.c looks a host without its port up where the port is unknown, and takes matches only.
TEST(KnownHosts, AcceptTheKeyOfTheNameWithoutThePort) {
    const HostName host{.host = "host", .port = 2222};

    EXPECT_EQ(status_of("host " + ed25519 + "\n", host), Status::matched);
    EXPECT_EQ(status_of("host " + rsa + "\n", host), Status::unknown);
    EXPECT_EQ(status_of("host " + ed25519 + "\n[host]:2222 " + rsa + "\n", host), Status::changed);
}

TEST(KnownHosts, IgnoreTheCaseOfNames) {
    EXPECT_EQ(status_of("host " + ed25519 + "\n", {.host = "HOST"}), Status::matched);
    EXPECT_EQ(status_of("HOST " + ed25519 + "\n"), Status::matched);
}

TEST(KnownHosts, KnowPatternsAndExclusions) {
    const std::string text = "*.example.com,!bad.example.com " + ed25519 + "\n";

    EXPECT_EQ(status_of(text, {.host = "good.example.com"}), Status::matched);
    EXPECT_EQ(status_of(text, {.host = "bad.example.com"}), Status::unknown);
    EXPECT_EQ(status_of("[*.example.com]:2222 " + ed25519 + "\n",
                        {.host = "a.example.com", .port = 2222}),
              Status::matched);
}

// The file was hashed by ssh-keygen -H; ssh-keygen -F finds the first name in line 1, the second
// in line 2.
TEST(KnownHosts, AgreeWithSshKeygenAboutHashedNames) {
    const KnownHosts plain = known({.host = "host.example"}, test_keys::hashed_known_hosts);
    const KnownHosts with_port =
        known({.host = "host.example", .port = 2222}, test_keys::hashed_known_hosts);

    ASSERT_EQ(plain.check(ed25519_blob).status, Status::matched);
    EXPECT_EQ(plain.check(ed25519_blob).recorded->line, 1U);
    ASSERT_EQ(with_port.check(ed25519_blob).status, Status::matched);
    EXPECT_EQ(with_port.check(ed25519_blob).recorded->line, 2U);
    EXPECT_EQ(status_of(test_keys::hashed_known_hosts, {.host = "host.exampl"}), Status::unknown);
}

TEST(KnownHosts, ReadLinesOfEverySystem) {
    EXPECT_EQ(status_of("host " + ed25519), Status::matched);
    EXPECT_EQ(status_of("host " + ed25519 + "\r\n"), Status::matched);
    EXPECT_EQ(status_of(" \thost \t" + ed25519 + " comment with blanks\n"), Status::matched);
    EXPECT_EQ(status_of("#host " + ed25519 + "\n"), Status::unknown);
}

TEST(KnownHosts, SkipBrokenLinesAndReadTheNextOnes) {
    const std::string good = "host " + ed25519 + "\n";
    for (const std::string& bad : {std::string{"host\n"},
                                   std::string{"host ssh-ed25519\n"},
                                   std::string{"host "} + "ssh-rsa" + ed25519.substr(11) + "\n",
                                   std::string{"host 1024 35 1234567\n"},
                                   std::string{"host ssh-rsa !!!!\n"},
                                   "host " + ed25519.substr(0, ed25519.size() - 4) + "\n",
                                   "host\x01 " + rsa + "\n",
                                   std::string{"\0host ", 6} + rsa + "\n",
                                   "|1|broken|hash " + rsa + "\n"}) {
        EXPECT_EQ(status_of(bad + good), Status::matched) << bad.substr(0, 60);
        EXPECT_EQ(known({.host = "host"}, bad + good).check(ed25519_blob).recorded->line, 2U);
        EXPECT_EQ(status_of(bad), Status::unknown) << bad.substr(0, 60);
    }
}

TEST(KnownHosts, ReadLinesWhoseCommentIsBinary) {
    EXPECT_EQ(status_of("@revoked host " + ed25519 + " \x01\x7f\xff\n"), Status::revoked);
    EXPECT_EQ(status_of("host " + ed25519 + " " + std::string(3, '\0') + "\n"), Status::matched);
}

// hostfile.c: "line[strcspn(line, "\n")] = '\0'", and then works on C strings.
TEST(KnownHosts, EndALineAtANulAndBelieveWhatStandsBeforeIt) {
    const std::string nul(1, '\0');

    EXPECT_EQ(status_of("@revoked host " + ed25519 + nul + "x\nhost " + ed25519 + "\n"),
              Status::revoked);
    EXPECT_EQ(status_of("host " + rsa + nul + "\n"), Status::changed);
    EXPECT_EQ(status_of(nul + "@revoked host " + ed25519 + "\n"), Status::unknown);
    // "*cp2++ = '\0'": directly behind the names it is a blank.
    EXPECT_EQ(status_of("@revoked host" + nul + ed25519 + nul + "x\n"), Status::revoked);
    EXPECT_EQ(status_of("host" + nul + ed25519 + "\n"), Status::matched);
    EXPECT_EQ(status_of("host " + nul + ed25519 + "\n"), Status::unknown);
    EXPECT_EQ(status_of("@revoked" + nul + "host " + ed25519 + "\n"), Status::unknown);
}

// sshbuf_get_bignum2() drops zeros in front of a number.
TEST(KnownHosts, ReadARevocationWhoseNumbersHaveZerosInFront) {
    Bytes padded{rsa_blob.begin(), rsa_blob.begin() + 11};  // string "ssh-rsa"
    const Bytes exponent = from_hex(
        "00000005"
        "0000010001");
    padded.insert(padded.end(), exponent.begin(), exponent.end());
    padded.insert(padded.end(), rsa_blob.begin() + 11 + 4 + 3, rsa_blob.end());
    const std::string line = "ssh-rsa " + encode_base64(padded) + "\n";

    EXPECT_EQ(known({.host = "host"}, "@revoked * " + line).check(rsa_blob).status,
              Status::revoked);
    EXPECT_EQ(known({.host = "host"}, "host " + line).check(rsa_blob).status, Status::matched);
    EXPECT_EQ(status_of("host " + line), Status::changed);
}

TEST(KnownHosts, ReadARevocationWithStrayCarriageReturns) {
    EXPECT_EQ(status_of("@revoked * " + ed25519 + "\r\r\nhost " + ed25519 + "\n"), Status::revoked);
    EXPECT_EQ(status_of("@revoked * " + ed25519 + "\r comment\nhost " + ed25519 + "\n"),
              Status::revoked);
    EXPECT_EQ(status_of("host " + rsa + "\v\n"), Status::changed);
}

// A revocation with a long comment, or whose host is one of many, is a revocation.
TEST(KnownHosts, ReadLinesOfEveryLength) {
    const std::string much(300'000, 'c');

    EXPECT_EQ(status_of("@revoked host " + ed25519 + ' ' + much + "\n"), Status::revoked);
    EXPECT_EQ(status_of("@revoked " + much + ",host " + ed25519 + "\n"), Status::revoked);
    EXPECT_EQ(status_of("host " + rsa + ' ' + much + "\n"), Status::changed);
    // Dropbear 2026.92: the tail of an over-long line became a line of its own.
    EXPECT_EQ(status_of("# " + std::string(300'000, ' ') + "host " + ed25519 + "\n"),
              Status::unknown);
}

TEST(KnownHosts, SayWhenThereAreTooManyLinesAboutTheHost) {
    KnownHosts hosts{{.host = "host"}};
    const std::string line = "host " + ed25519;
    for (std::size_t i = 0; i < known_hosts_entries_max; ++i) {
        hosts.add_line(line);
        hosts.add_line("other " + rsa);
    }
    EXPECT_FALSE(hosts.is_incomplete());

    hosts.add_line("@revoked host " + ed25519);

    EXPECT_TRUE(hosts.is_incomplete());
}

// Checklist 48: the algorithms of recorded keys are offered first.
TEST(KnownHosts, TellWhichKeyTypesAreRecorded) {
    const KnownHosts hosts =
        known({.host = "host"},
              "host " + rsa + "\nother " + ecdsa + "\nhost " + ed25519 + "\nhost " + rsa + "\n");

    EXPECT_EQ(hosts.key_types(), (std::vector<std::string_view>{"ssh-rsa", "ssh-ed25519"}));
}

TEST(KnownHosts, TellTheKeyTypesOfTheNameWithoutThePortOnlyIfThePortHasNone) {
    const HostName host{.host = "host", .port = 2222};

    EXPECT_EQ(known(host, "host " + rsa + "\n").key_types(),
              (std::vector<std::string_view>{"ssh-rsa"}));
    EXPECT_EQ(known(host, "host " + rsa + "\n[host]:2222 " + ed25519 + "\n").key_types(),
              (std::vector<std::string_view>{"ssh-ed25519"}));
}

// hostfile.c, check_hostkeys_by_key_or_type(): a server with several keys shows one that is still
// good.
TEST(KnownHosts, TellNoKeyTypeOfWhichTheRecordedKeyIsRevoked) {
    const KnownHosts hosts =
        known({.host = "host"},
              "host " + ed25519 + "\nhost " + ecdsa + "\n@revoked host " + ed25519 + "\n");

    EXPECT_EQ(hosts.key_types(),
              (std::vector<std::string_view>{"ecdsa-sha2-nistp256-cert-v01@openssh.com",
                                             "ecdsa-sha2-nistp256"}));
}

// A server that is certified by a revoked authority is not to get away with its plain key, whether
// that is recorded or new.
TEST(KnownHosts, TellCertificateTypesWhereAKeyIsRevokedThatMayBeAnAuthoritys) {
    const std::string revoked = "@revoked host " + ecdsa + "\n";

    EXPECT_EQ(known({.host = "host"}, revoked + "host " + ed25519 + "\n").key_types(),
              (std::vector<std::string_view>{"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"}));
    EXPECT_EQ(known({.host = "host"}, revoked).key_types().size(), certificate_types().size());
}

// sshconnect2.c, order_hostkeyalgs(): "If we have a @cert-authority marker in known_hosts then
// prefer all certificate algorithms."
TEST(KnownHosts, TellAllCertificateTypesWhereAnAuthorityIsTrusted) {
    const KnownHosts hosts =
        known({.host = "host"}, "host " + rsa + "\n@cert-authority host " + ed25519 + "\n");

    std::vector<std::string_view> expected{certificate_types().begin(), certificate_types().end()};
    expected.emplace_back("ssh-rsa");
    EXPECT_EQ(hosts.key_types(), expected);
    EXPECT_EQ(known({.host = "host"}, "@cert-authority other " + ed25519 + "\n").key_types().size(),
              0U);
}

// sshconnect2.c, order_hostkeyalgs(): such an authority is looked for after the port's own keys, so
// that it makes only certificates of their types come first. A server with a stranger's certificate
// would show it, in vain, instead of its recorded key.
TEST(KnownHosts, TellForAnAuthorityWithoutThePortTheCertificateTypesOfThePortsKeys) {
    const HostName host{.host = "host", .port = 2222};
    const std::string authority = "@cert-authority host " + ed25519 + "\n";

    EXPECT_EQ(known(host, authority + "[host]:2222 " + rsa + "\n").key_types(),
              (std::vector<std::string_view>{"ssh-rsa-cert-v01@openssh.com", "ssh-rsa"}));
    EXPECT_EQ(known(host, authority).key_types().size(), certificate_types().size());
    EXPECT_EQ(known(host, "@cert-authority [host]:2222 " + ed25519 + "\n[host]:2222 " + rsa + "\n")
                  .key_types()
                  .size(),
              certificate_types().size() + 1);
}

// ---- certificates ------------------------------------------------------------------------------

/// Of the ed25519 key, by the ecdsa_nistp256 key.
class KnownAuthorities : public testing::Test {
  protected:
    Status status_with(std::string_view text, const HostName& host = {.host = "host"}) {
        const Result<Certificate> certificate = parse_certificate(blob);
        EXPECT_TRUE(certificate.has_value());
        return certificate ? known(host, text).check_authority(*certificate).status
                           : Status::revoked;
    }

    const Bytes blob = parse_public_key_line(test_certificates::host_by_ecdsa_nistp256)
                           .value_or(PublicKeyText{})
                           .blob;
};

TEST_F(KnownAuthorities, VouchForTheHostsOfTheirLine) {
    EXPECT_EQ(status_with("@cert-authority host " + ecdsa + "\n"), Status::matched);
    EXPECT_EQ(status_with("@cert-authority *,!other " + ecdsa + "\n"), Status::matched);
    EXPECT_EQ(status_with("@cert-authority *,!host " + ecdsa + "\n"), Status::unknown);
    EXPECT_EQ(status_with("@cert-authority other " + ecdsa + "\n"), Status::unknown);
    EXPECT_EQ(status_with("@cert-authority host " + rsa + "\n"), Status::unknown);
}

TEST_F(KnownAuthorities, AreNotKeysWithoutAMarker) {
    EXPECT_EQ(status_with("host " + ecdsa + "\n"), Status::unknown);
    // The key inside is on record as a plain one, which is another question.
    EXPECT_EQ(status_with("host " + ed25519 + "\n"), Status::unknown);
}

TEST_F(KnownAuthorities, MayBeKnownWithAndWithoutThePort) {
    const HostName host{.host = "host", .port = 2222};

    EXPECT_EQ(status_with("@cert-authority [host]:2222 " + ecdsa + "\n", host), Status::matched);
    EXPECT_EQ(status_with("@cert-authority host " + ecdsa + "\n", host), Status::matched);
    EXPECT_EQ(status_with("@cert-authority [host]:2223 " + ecdsa + "\n", host), Status::unknown);
}

TEST_F(KnownAuthorities, MayHaveHashedNames) {
    const std::string hashed = hashed_host_name("host", Bytes(host_salt_bytes, std::byte{9}));

    EXPECT_EQ(status_with("@cert-authority " + hashed + " " + ecdsa + "\n"), Status::matched);
}

// hostfile.c, check_key_not_revoked(): the key in the certificate, and the authority.
TEST_F(KnownAuthorities, AreNoHelpToARevokedKeyNorIfTheyAreRevoked) {
    const std::string trusted = "@cert-authority * " + ecdsa + "\n";

    EXPECT_EQ(status_with(trusted + "@revoked * " + ecdsa + "\n"), Status::revoked);
    EXPECT_EQ(status_with(trusted + "@revoked * " + ed25519 + "\n"), Status::revoked);
    EXPECT_EQ(status_with("@revoked host " + ecdsa + "\n" + trusted), Status::revoked);
    EXPECT_EQ(status_with(trusted + "@revoked other " + ecdsa + "\n"), Status::matched);
    EXPECT_EQ(status_with(trusted + "@revoked * " + rsa + "\n"), Status::matched);
}

TEST_F(KnownAuthorities, AndKeysAreRevokedByACertificateToo) {
    const std::string revoked = "@revoked * " + std::string{test_certificates::host_ed25519} + "\n";

    EXPECT_EQ(status_with("@cert-authority * " + ecdsa + "\n" + revoked), Status::revoked);
    EXPECT_EQ(status_of("host " + ed25519 + "\n" + revoked), Status::revoked);
}

TEST(KnownHosts, TakeNoCertificateForAPlainKey) {
    EXPECT_EQ(status_of("host " + std::string{test_certificates::host_ed25519} + "\n"),
              Status::changed);
}

// ---- skipped lines -----------------------------------------------------------------------------

using Reason = SkippedLine::Reason;

TEST(SkippedLines, AreToldWithTheirFileAndReason) {
    KnownHosts hosts{{.host = "host"}};
    hosts.add_file("host " + ed25519 + "\n");
    hosts.add_file("# comment\n@unknown host " + ed25519 + "\n|1|broken|hash " + ed25519 +
                   "\nhost ssh-ed25519 !!!\n");

    const std::span<const SkippedLine> skipped = hosts.skipped();

    constexpr std::array reasons{
        Reason::unknown_marker, Reason::malformed_hash, Reason::malformed_key};
    ASSERT_EQ(skipped.size(), reasons.size());
    for (std::size_t i = 0; i < reasons.size(); ++i) {
        EXPECT_EQ(skipped[i].reason, reasons[i]);
        EXPECT_EQ(skipped[i].file, 1U);
        EXPECT_EQ(skipped[i].line, i + 2);
        EXPECT_NE(describe(skipped[i].reason), "");
    }
    EXPECT_EQ(hosts.skipped_count(), 3U);
}

TEST(SkippedLines, AreNotThoseOfOtherHostsNorCommentsNorEmptyOnes) {
    const KnownHosts hosts = known(
        {.host = "host"},
        "\n  \n# " + std::string(100'000, 'c') + "\nother ssh-rsa !!!\nother 1024 35 1234567\n" +
            hashed_host_name("other", Bytes(20)) + " rubbish\nrubbish\n");

    EXPECT_EQ(hosts.skipped_count(), 0U);
}

TEST(SkippedLines, AreCountedWhenTheyAreTooManyToTell) {
    std::string text;
    for (std::size_t i = 0; i < skipped_lines_told_max + 5; ++i) {
        text += "host rubbish\n";
    }
    const KnownHosts hosts = known({.host = "host"}, text);

    EXPECT_EQ(hosts.skipped().size(), skipped_lines_told_max);
    EXPECT_EQ(hosts.skipped_count(), skipped_lines_told_max + 5);
}

// ---- new lines ---------------------------------------------------------------------------------

TEST(KnownHostsLine, IsReadBackAsTheSameHostAndKey) {
    const Bytes salt(host_salt_bytes, std::byte{3});
    for (const HostName& host : {HostName{.host = "Host"},
                                 HostName{.host = "host", .port = 2222},
                                 HostName{.host = "::1"},
                                 HostName{.host = "fe80::1%eth0"}}) {
        const std::string plain = known_hosts_line(host, rsa_blob);
        const std::string hashed = known_hosts_line(host, rsa_blob, salt);

        EXPECT_EQ(known(host, plain).check(rsa_blob).status, Status::matched) << plain;
        EXPECT_EQ(known(host, hashed).check(rsa_blob).status, Status::matched) << hashed;
        EXPECT_EQ(hashed.find("host"), std::string::npos);
    }
    EXPECT_EQ(known_hosts_line({.host = "Host", .port = 2222}, ed25519_blob),
              "[host]:2222 " + ed25519 + "\n");
}

TEST(KnownHostsLine, IsNotMadeOfNamesThatWouldMeanSomethingElse) {
    for (const char* host : {"", "a b", "a\nb", "a,b", "*", "a?", "!a", "|1|a", "#a", "@a"}) {
        EXPECT_EQ(known_hosts_line({.host = host}, ed25519_blob), "") << host;
    }
    EXPECT_EQ(known_hosts_line({.host = "host"}, {}), "");
}

}  // namespace
}  // namespace caponier::ssh
