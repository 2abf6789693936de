// OpenSSH certificates: what ssh-keygen signs is read, what breaks a rule is refused, and which
// host a certificate vouches for, when.

#include "ssh/keys/certificate.h"

#include <array>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ssh/crypto/hash.h"
#include "ssh/crypto/signature.h"
#include "ssh/keys/private_key.h"
#include "ssh/keys/public_key.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"
#include "tests/unit/ssh/hex.h"
#include "tests/unit/ssh/test_certificates.h"
#include "tests/unit/ssh/test_keys.h"

namespace caponier::ssh {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::byte> blob_of(std::string_view line) {
    const Result<PublicKeyText> text = parse_public_key_line(line.substr(0, line.find('\n')));
    EXPECT_TRUE(text.has_value()) << line;
    return text ? text->blob : std::vector<std::byte>{};
}

const std::vector<std::string>& default_algorithms() {
    static const std::vector<std::string> names{"ssh-ed25519",
                                                "ecdsa-sha2-nistp256",
                                                "ecdsa-sha2-nistp384",
                                                "ecdsa-sha2-nistp521",
                                                "rsa-sha2-512",
                                                "rsa-sha2-256"};
    return names;
}

HostCertificateQuestion question(std::string_view host) {
    return {.host = host,
            .now_s = test_certificates::in_between,
            .ca_signature_algorithms = default_algorithms()};
}

CertificateVerdict verdict_on(std::string_view line, const HostCertificateQuestion& asked) {
    const std::vector<std::byte> blob = blob_of(line);
    const Result<Certificate> certificate = parse_certificate(blob);
    EXPECT_TRUE(certificate.has_value());
    return certificate ? check_host_certificate(*certificate, asked)
                       : CertificateVerdict::wrong_signature;
}

/// A certificate of the ed25519 test key by itself, field by field, so that each can be wrong.
struct Draft {
    std::string type = "ssh-ed25519-cert-v01@openssh.com";
    std::vector<std::byte> key_field =
        copy_of(std::span<const std::byte>{blob_of(test_keys::ed25519_public)}.last(32));
    std::uint32_t role = 2;
    std::string key_id = "draft";
    std::vector<std::string> principals{"bastion.example"};
    std::vector<std::string> critical_options{};
    std::vector<std::string> extensions{};
    std::vector<std::byte> ca_key = blob_of(test_keys::ed25519_public);
    std::vector<std::byte> behind{};

    static void options(WireWriter& out, const std::vector<std::string>& names) {
        const WireWriter::OpenString open = out.begin_string();
        for (const std::string& name : names) {
            out.text(name);
            out.text("");
        }
        out.end_string(open);
    }

    [[nodiscard]] std::vector<std::byte> blob() const {
        std::vector<std::byte> bytes = unsigned_blob();
        WireWriter out{bytes};
        out.string(signature_over(bytes));
        out.fixed(behind);
        return bytes;
    }

    [[nodiscard]] static std::vector<std::byte> signature_over(std::span<const std::byte> bytes) {
        const Result<PrivateKey> key = parse_private_key(test_keys::ed25519);
        return sign(key->key, "ssh-ed25519", bytes).value_or(std::vector<std::byte>{});
    }

    [[nodiscard]] std::vector<std::byte> unsigned_blob() const {
        std::vector<std::byte> bytes;
        WireWriter out{bytes};
        out.text(type);
        out.text("nonce");
        out.string(key_field);
        out.uint64(1);
        out.uint32(role);
        out.text(key_id);
        const WireWriter::OpenString open = out.begin_string();
        for (const std::string& principal : principals) {
            out.text(principal);
        }
        out.end_string(open);
        out.uint64(0);
        out.uint64(~std::uint64_t{0});
        options(out, critical_options);
        options(out, extensions);
        out.text("");
        out.string(ca_key);
        return bytes;
    }
};

ErrorCode error_of(const Draft& draft) {
    const std::vector<std::byte> blob = draft.blob();
    const Result<Certificate> certificate = parse_certificate(blob);
    EXPECT_FALSE(certificate.has_value());
    return certificate ? ErrorCode{} : certificate.error().code;
}

// ---- names -------------------------------------------------------------------------------------

TEST(CertificateAlgorithms, AreTheirPlainOnesInsideACertificate) {
    struct Row {
        std::string_view certificate;
        std::string_view plain;
        std::string_view blob_type;
    };
    constexpr std::array rows{
        Row{"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"},
        Row{"ecdsa-sha2-nistp256-cert-v01@openssh.com",
            "ecdsa-sha2-nistp256",
            "ecdsa-sha2-nistp256-cert-v01@openssh.com"},
        Row{"ecdsa-sha2-nistp384-cert-v01@openssh.com",
            "ecdsa-sha2-nistp384",
            "ecdsa-sha2-nistp384-cert-v01@openssh.com"},
        Row{"ecdsa-sha2-nistp521-cert-v01@openssh.com",
            "ecdsa-sha2-nistp521",
            "ecdsa-sha2-nistp521-cert-v01@openssh.com"},
        Row{"sk-ssh-ed25519-cert-v01@openssh.com",
            "sk-ssh-ed25519@openssh.com",
            "sk-ssh-ed25519-cert-v01@openssh.com"},
        Row{"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
            "sk-ecdsa-sha2-nistp256@openssh.com",
            "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com"},
        Row{"rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-512", "ssh-rsa-cert-v01@openssh.com"},
        Row{"rsa-sha2-256-cert-v01@openssh.com", "rsa-sha2-256", "ssh-rsa-cert-v01@openssh.com"},
        Row{"ssh-rsa-cert-v01@openssh.com", "ssh-rsa", "ssh-rsa-cert-v01@openssh.com"},
    };
    for (const Row& row : rows) {
        EXPECT_TRUE(is_certificate_algorithm(row.certificate)) << row.certificate;
        EXPECT_FALSE(is_certificate_algorithm(row.plain)) << row.plain;
        EXPECT_EQ(plain_algorithm(row.certificate), row.plain);
        EXPECT_EQ(plain_algorithm(row.plain), row.plain);
        EXPECT_EQ(certificate_algorithm(row.plain), row.certificate);
        EXPECT_EQ(certificate_algorithm(row.certificate), "");
        EXPECT_EQ(blob_type_of_algorithm(row.certificate), row.blob_type);
    }
}

TEST(CertificateAlgorithms, OfPlainRsaSignaturesBelongToTheTypeSshRsa) {
    EXPECT_EQ(blob_type_of_algorithm("rsa-sha2-512"), "ssh-rsa");
    EXPECT_EQ(blob_type_of_algorithm("rsa-sha2-256"), "ssh-rsa");
    EXPECT_EQ(blob_type_of_algorithm("ssh-rsa"), "ssh-rsa");
    EXPECT_EQ(blob_type_of_algorithm("ssh-ed25519"), "ssh-ed25519");
    EXPECT_EQ(blob_type_of_algorithm("something@else"), "something@else");
}

TEST(CertificateAlgorithms, DoNotIncludeDss) {
    EXPECT_FALSE(is_certificate_algorithm("ssh-dss-cert-v01@openssh.com"));
    EXPECT_EQ(certificate_algorithm("ssh-dss"), "");
}

// ---- parsing -----------------------------------------------------------------------------------

TEST(Certificate, OfEveryKeyTypeGivesThePlainKey) {
    struct Row {
        std::string_view certificate;
        std::string_view key;
    };
    constexpr std::array rows{
        Row{test_certificates::host_ed25519, test_keys::ed25519_public},
        Row{test_certificates::host_ecdsa_nistp256, test_keys::ecdsa_nistp256_public},
        Row{test_certificates::host_ecdsa_nistp384, test_keys::ecdsa_nistp384_public},
        Row{test_certificates::host_ecdsa_nistp521, test_keys::ecdsa_nistp521_public},
        Row{test_certificates::host_rsa, test_keys::rsa_public},
    };
    for (const Row& row : rows) {
        const std::vector<std::byte> blob = blob_of(row.certificate);
        const Result<Certificate> certificate = parse_certificate(blob);

        ASSERT_TRUE(certificate.has_value()) << row.certificate;
        EXPECT_EQ(certificate->type_name, row.certificate.substr(0, row.certificate.find(' ')));
        EXPECT_EQ(certificate->public_key, blob_of(row.key));
        EXPECT_EQ(copy_of(certificate->ca_key), blob_of(test_keys::ed25519_public));
        EXPECT_EQ(certificate->serial, 42U);
        EXPECT_EQ(certificate->role, CertificateRole::host);
        EXPECT_THAT(certificate->principals, ElementsAre("bastion.example", "*.internal.example"));
        EXPECT_EQ(certificate->valid_after_s, test_certificates::first_second);
        EXPECT_EQ(certificate->valid_before_s, test_certificates::first_second_after);
        EXPECT_THAT(certificate->critical_options, IsEmpty());
        EXPECT_THAT(certificate->extensions, IsEmpty());
        EXPECT_EQ(verify_ca_signature(*certificate), Verification::valid);
    }
}

TEST(Certificate, OfASecurityKeyGivesItsApplicationToo) {
    for (const std::string_view line :
         {test_certificates::host_sk_ed25519, test_certificates::host_sk_ecdsa_nistp256}) {
        const std::vector<std::byte> blob = blob_of(line);
        const Result<Certificate> certificate = parse_certificate(blob);

        ASSERT_TRUE(certificate.has_value()) << line;
        EXPECT_EQ(blob_type_name(certificate->public_key),
                  plain_algorithm(line.substr(0, line.find(' '))));
        EXPECT_EQ(text_of(std::span{certificate->public_key}.last(4)), "ssh:");
        EXPECT_EQ(verify_ca_signature(*certificate), Verification::valid);
    }
}

TEST(Certificate, OfAUserHasOptionsAndExtensions) {
    const std::vector<std::byte> blob = blob_of(test_certificates::user_ed25519);
    const Result<Certificate> certificate = parse_certificate(blob);

    ASSERT_TRUE(certificate.has_value());
    EXPECT_EQ(certificate->role, CertificateRole::user);
    EXPECT_EQ(certificate->key_id, "alice@example");
    EXPECT_EQ(certificate->serial, 7U);
    EXPECT_THAT(certificate->principals, ElementsAre("alice", "bob"));
    ASSERT_EQ(certificate->critical_options.size(), 2U);
    EXPECT_EQ(certificate->critical_options[0].name, "force-command");
    EXPECT_EQ(text_of(certificate->critical_options[0].data.subspan(4)), "/bin/true");
    EXPECT_EQ(certificate->critical_options[1].name, "source-address");
    std::vector<std::string_view> names;
    for (const CertificateOption& extension : certificate->extensions) {
        names.push_back(extension.name);
    }
    EXPECT_THAT(names,
                ElementsAre("aaa@example",
                            "permit-X11-forwarding",
                            "permit-agent-forwarding",
                            "permit-port-forwarding",
                            "permit-pty",
                            "permit-user-rc"));
}

TEST(Certificate, MayHoldForever) {
    const std::vector<std::byte> blob = blob_of(test_certificates::host_forever);
    const Result<Certificate> certificate = parse_certificate(blob);

    ASSERT_TRUE(certificate.has_value());
    EXPECT_EQ(certificate->valid_after_s, 0U);
    EXPECT_EQ(certificate->valid_before_s, ~std::uint64_t{0});
}

// Checklist 91: "nonce/serial parse bounded".
TEST(Certificate, ThatIsCutAnywhereIsRefused) {
    for (const std::string_view line : {test_certificates::host_rsa,
                                        test_certificates::user_ed25519,
                                        test_certificates::host_sk_ecdsa_nistp256}) {
        const std::vector<std::byte> blob = blob_of(line);
        for (std::size_t size = 0; size < blob.size(); ++size) {
            EXPECT_FALSE(parse_certificate(std::span{blob}.first(size)).has_value()) << size;
        }
    }
}

TEST(Certificate, ThatIsChangedAnywhereIsRefusedOrDoesNotVerify) {
    const std::vector<std::byte> blob = blob_of(test_certificates::host_ed25519);
    for (std::size_t at = 0; at < blob.size(); ++at) {
        std::vector<std::byte> changed = blob;
        changed[at] ^= std::byte{1};
        const Result<Certificate> certificate = parse_certificate(changed);
        if (certificate) {
            EXPECT_NE(verify_ca_signature(*certificate), Verification::valid) << at;
            EXPECT_NE(check_host_certificate(*certificate, question("bastion.example")),
                      CertificateVerdict::valid)
                << at;
        }
    }
}

TEST(Certificate, DraftOfTheTestsIsGood) {
    const std::vector<std::byte> blob = Draft{}.blob();
    const Result<Certificate> certificate = parse_certificate(blob);

    ASSERT_TRUE(certificate.has_value());
    EXPECT_EQ(check_host_certificate(*certificate, question("bastion.example")),
              CertificateVerdict::valid);
}

TEST(Certificate, WithBytesBehindItsSignatureIsRefused) {
    EXPECT_EQ(error_of({.behind = {std::byte{0}}}), ErrorCode::malformed_key);
}

TEST(Certificate, IsOfAUserOrOfAHost) {
    for (const std::uint32_t role : {0U, 3U, 0x1'0002U, 0xffff'ffffU}) {
        EXPECT_EQ(error_of({.role = role}), ErrorCode::malformed_key) << role;
    }
}

TEST(Certificate, OfATypeThatIsNotSpokenIsRefusedByItsName) {
    EXPECT_EQ(error_of({.type = "ssh-dss-cert-v01@openssh.com"}), ErrorCode::unsupported_key);
    EXPECT_EQ(error_of({.type = "ssh-ed25519"}), ErrorCode::unsupported_key);
    EXPECT_EQ(error_of({.type = "ssh-ed25519-cert-v00@openssh.com"}), ErrorCode::unsupported_key);
    EXPECT_EQ(error_of({.type = ""}), ErrorCode::malformed_key);
    EXPECT_EQ(error_of({.type = "a,b"}), ErrorCode::malformed_key);
}

// PROTOCOL.certkeys: "These RSA/SHA-2 types should not appear in keys at rest or transmitted on the
// wire". sshkey.c reads those that do all the same, as it does with plain keys.
TEST(Certificate, OfRsaMayBeNamedAfterItsSignatures) {
    const std::vector<std::byte> blob = blob_of(test_certificates::host_rsa);
    for (const std::string_view name :
         {"rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-256-cert-v01@openssh.com"}) {
        WireReader in{blob};
        in.text();
        std::vector<std::byte> renamed;
        WireWriter out{renamed};
        out.text(name);
        out.fixed(in.rest());

        const Result<Certificate> certificate = parse_certificate(renamed);

        ASSERT_TRUE(certificate.has_value());
        EXPECT_EQ(certificate->type_name, "ssh-rsa-cert-v01@openssh.com");
        EXPECT_EQ(certificate->public_key, blob_of(test_keys::rsa_public));
        // The authority signed another name.
        EXPECT_EQ(verify_ca_signature(*certificate), Verification::wrong_signature);
    }
    // An RSA certificate by its name, and none by its fields.
    EXPECT_EQ(error_of({.type = "rsa-sha2-512-cert-v01@openssh.com"}), ErrorCode::malformed_key);
}

TEST(Certificate, WithAKeyThatIsNoneIsRefused) {
    EXPECT_EQ(error_of({.key_field = copy_of("too short")}), ErrorCode::malformed_key);
    EXPECT_EQ(error_of({.key_field = std::vector<std::byte>(33)}), ErrorCode::malformed_key);
}

// PROTOCOL.certkeys: "'Chained' certificates, where the signature key type is a certificate type
// itself are NOT supported." Checklist 91: "CA key not itself a cert".
TEST(Certificate, OfACaThatIsItselfCertifiedIsRefused) {
    EXPECT_EQ(error_of({.ca_key = blob_of(test_certificates::host_ed25519)}),
              ErrorCode::unsupported_key);
    EXPECT_EQ(error_of({.ca_key = {}}), ErrorCode::malformed_key);
}

// PROTOCOL.certkeys: "Options must be lexically ordered by "name" if they appear in the sequence.
// Each named option may only appear once in a certificate."
TEST(Certificate, HasItsOptionsInOrderAndOnce) {
    EXPECT_TRUE(parse_certificate(Draft{.critical_options = {"a", "ab", "b"}}.blob()).has_value());
    EXPECT_EQ(error_of({.critical_options = {"b", "a"}}), ErrorCode::malformed_key);
    EXPECT_EQ(error_of({.critical_options = {"a", "a"}}), ErrorCode::malformed_key);
    EXPECT_EQ(error_of({.extensions = {"permit-pty", "permit-agent-forwarding"}}),
              ErrorCode::malformed_key);
    EXPECT_EQ(error_of({.extensions = {"permit-pty", "permit-pty"}}), ErrorCode::malformed_key);
}

TEST(Certificate, HasABoundedNumberOfPrincipalsAndOptions) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < 256; ++i) {
        names.push_back(std::string{static_cast<char>('a' + i / 16)} +
                        static_cast<char>('a' + i % 16));
    }
    EXPECT_TRUE(
        parse_certificate(
            Draft{.principals = names, .critical_options = names, .extensions = names}.blob())
            .has_value());
    names.emplace_back("z");
    EXPECT_EQ(error_of({.principals = names}), ErrorCode::malformed_key);
    EXPECT_EQ(error_of({.critical_options = names}), ErrorCode::malformed_key);
    EXPECT_EQ(error_of({.extensions = names}), ErrorCode::malformed_key);
}

TEST(Certificate, LongerThanAPacketIsRefused) {
    EXPECT_EQ(error_of({.key_id = std::string(certificate_bytes_max, 'k')}),
              ErrorCode::malformed_key);
}

TEST(Certificate, HasNoZeroByteInItsTexts) {
    const std::string text{"bastion.example\0.attacker.example", 33};
    EXPECT_EQ(error_of({.key_id = text}), ErrorCode::malformed_key);
    EXPECT_EQ(error_of({.principals = {text}}), ErrorCode::malformed_key);
    EXPECT_EQ(error_of({.extensions = {text}}), ErrorCode::malformed_key);
}

TEST(Certificate, IsTakenOffItsKeyForComparing) {
    const std::vector<std::byte> key = blob_of(test_keys::rsa_public);

    EXPECT_EQ(key_without_certificate(blob_of(test_certificates::host_rsa)), key);
    EXPECT_EQ(key_without_certificate(key), key);
    EXPECT_EQ(key_without_certificate({}), std::vector<std::byte>{});
    std::vector<std::byte> broken = blob_of(test_certificates::host_rsa);
    broken.pop_back();
    EXPECT_EQ(key_without_certificate(broken), broken);
}

TEST(Certificate, IsOfOneOfTheTypes) {
    for (const std::string_view type : certificate_types()) {
        EXPECT_TRUE(is_certificate_algorithm(type));
        EXPECT_EQ(blob_type_of_algorithm(type), type);
    }
    EXPECT_EQ(certificate_types().size(), 7U);
}

// ---- the decision ------------------------------------------------------------------------------

TEST(HostCertificate, IsValidForTheHostsThatItLists) {
    EXPECT_EQ(verdict_on(test_certificates::host_ed25519, question("bastion.example")),
              CertificateVerdict::valid);
    EXPECT_EQ(verdict_on(test_certificates::host_ed25519, question("a.internal.example")),
              CertificateVerdict::valid);
    for (const std::string_view host : {"other.example",
                                        "bastion.example.attacker.example",
                                        "internal.example",
                                        "BASTION.EXAMPLE",
                                        "[bastion.example]:22",
                                        ""}) {
        EXPECT_EQ(verdict_on(test_certificates::host_ed25519, question(host)),
                  CertificateVerdict::host_not_listed)
            << host;
    }
}

// CVE-2026-35414: "comma in a certificate principal matched as a list".
TEST(HostCertificate, TakesAPrincipalAsOnePatternWhateverIsInIt) {
    const std::vector<std::byte> blob =
        Draft{.principals = {"a.example,b.example", "!c.example"}}.blob();
    const Result<Certificate> certificate = parse_certificate(blob);

    ASSERT_TRUE(certificate.has_value());
    for (const std::string_view host : {"a.example", "b.example", "c.example", "d.example"}) {
        EXPECT_EQ(check_host_certificate(*certificate, question(host)),
                  CertificateVerdict::host_not_listed)
            << host;
    }
    EXPECT_EQ(check_host_certificate(*certificate, question("a.example,b.example")),
              CertificateVerdict::valid);
}

// PROTOCOL.certkeys: "valid after <= current time < valid before".
TEST(HostCertificate, HoldsFromItsFirstSecondUntilBeforeItsLast) {
    HostCertificateQuestion asked = question("bastion.example");
    const auto at = [&asked](std::uint64_t now) {
        asked.now_s = now;
        return verdict_on(test_certificates::host_ed25519, asked);
    };
    EXPECT_EQ(at(0), CertificateVerdict::not_yet_valid);
    EXPECT_EQ(at(test_certificates::first_second - 1), CertificateVerdict::not_yet_valid);
    EXPECT_EQ(at(test_certificates::first_second), CertificateVerdict::valid);
    EXPECT_EQ(at(test_certificates::first_second_after - 1), CertificateVerdict::valid);
    EXPECT_EQ(at(test_certificates::first_second_after), CertificateVerdict::expired);
    EXPECT_EQ(at(~std::uint64_t{0}), CertificateVerdict::expired);
}

TEST(HostCertificate, IsNoUserCertificate) {
    EXPECT_EQ(verdict_on(test_certificates::user_ed25519, question("alice")),
              CertificateVerdict::not_a_host_certificate);
}

// Checklist 91: "no empty principals".
TEST(HostCertificate, WithoutPrincipalsIsForNoHost) {
    EXPECT_EQ(verdict_on(test_certificates::host_without_principals, question("bastion.example")),
              CertificateVerdict::no_principals);
}

// Checklist 91: "critical options unknown → reject".
TEST(HostCertificate, WithACriticalOptionIsRefused) {
    EXPECT_EQ(verdict_on(test_certificates::host_critical, question("bastion.example")),
              CertificateVerdict::unknown_critical_option);
}

TEST(HostCertificate, MayHaveExtensions) {
    const std::vector<std::byte> blob = Draft{.extensions = {"anything@example"}}.blob();
    const Result<Certificate> certificate = parse_certificate(blob);

    ASSERT_TRUE(certificate.has_value());
    EXPECT_EQ(check_host_certificate(*certificate, question("bastion.example")),
              CertificateVerdict::valid);
}

TEST(HostCertificate, MayBeSignedByEveryKindOfAuthority) {
    for (const std::string_view line : {test_certificates::host_by_ecdsa_nistp256,
                                        test_certificates::host_by_ecdsa_nistp384,
                                        test_certificates::host_by_ecdsa_nistp521,
                                        test_certificates::host_by_rsa,
                                        test_certificates::host_by_rsa_sha256}) {
        EXPECT_EQ(verdict_on(line, question("bastion.example")), CertificateVerdict::valid) << line;
    }
}

// Checklist 91: "CA signature algorithm allowed (no SHA-1)".
// PROTOCOL.u2f: a security key signs "byte[32] SHA256(application), byte flags, uint32 counter,
// byte[32] SHA256(message)".
TEST(HostCertificate, MayBeSignedByASecurityKeyThatNobodyTouched) {
    constexpr std::string_view type = "sk-ssh-ed25519@openssh.com";
    constexpr std::string_view application = "ssh:";
    Draft draft;
    draft.ca_key.clear();
    WireWriter key{draft.ca_key};
    key.text(type);
    key.string(draft.key_field);
    key.text(application);
    std::vector<std::byte> blob = draft.unsigned_blob();
    std::vector<std::byte> message;
    WireWriter said{message};
    said.fixed(hash(HashAlgorithm::sha256, bytes_of(application)).bytes());
    said.byte(0);
    said.uint32(7);
    said.fixed(hash(HashAlgorithm::sha256, blob).bytes());
    const std::vector<std::byte> made = Draft::signature_over(message);
    std::vector<std::byte> signature;
    WireWriter out{signature};
    out.text(type);
    out.string(std::span{made}.last(64));
    out.byte(0);
    out.uint32(7);
    WireWriter{blob}.string(signature);

    const Result<Certificate> certificate = parse_certificate(blob);

    ASSERT_TRUE(certificate.has_value());
    const std::vector<std::string> allowed{std::string{type}};
    HostCertificateQuestion asked = question("bastion.example");
    EXPECT_EQ(check_host_certificate(*certificate, asked),
              CertificateVerdict::ca_algorithm_not_allowed);
    asked.ca_signature_algorithms = allowed;
    EXPECT_EQ(check_host_certificate(*certificate, asked), CertificateVerdict::valid);
}

TEST(HostCertificate, IsRefusedWhereItsSignatureAlgorithmIsNotAllowed) {
    const std::vector<std::string> only_ed25519{"ssh-ed25519"};
    HostCertificateQuestion asked = question("bastion.example");
    asked.ca_signature_algorithms = only_ed25519;

    EXPECT_EQ(verdict_on(test_certificates::host_ed25519, asked), CertificateVerdict::valid);
    EXPECT_EQ(verdict_on(test_certificates::host_by_rsa, asked),
              CertificateVerdict::ca_algorithm_not_allowed);
    EXPECT_EQ(verdict_on(test_certificates::host_by_rsa_sha1, question("bastion.example")),
              CertificateVerdict::ca_algorithm_not_allowed);
}

TEST(HostCertificate, SignedWithSha1IsRefusedEvenIfItIsAllowed) {
    const std::vector<std::string> with_sha1{"ssh-rsa", "rsa-sha2-512"};
    HostCertificateQuestion asked = question("bastion.example");
    asked.ca_signature_algorithms = with_sha1;

    EXPECT_EQ(verdict_on(test_certificates::host_by_rsa_sha1, asked),
              CertificateVerdict::ca_algorithm_not_allowed);
}

TEST(HostCertificate, ThatNamesAnAuthorityWhichDidNotSignItIsRefused) {
    // The fields are the drafted ones, the signature is the ed25519 key's, the CA another.
    const std::vector<std::byte> blob =
        Draft{.ca_key = blob_of(test_keys::ecdsa_nistp256_public)}.blob();
    const Result<Certificate> certificate = parse_certificate(blob);

    ASSERT_TRUE(certificate.has_value());
    EXPECT_EQ(verify_ca_signature(*certificate), Verification::wrong_key_type);
    EXPECT_EQ(check_host_certificate(*certificate, question("bastion.example")),
              CertificateVerdict::wrong_signature);
}

TEST(HostCertificate, IsDescribedInWords) {
    for (int verdict = 0; verdict <= static_cast<int>(CertificateVerdict::valid); ++verdict) {
        EXPECT_NE(describe(static_cast<CertificateVerdict>(verdict)), "");
    }
}

}  // namespace
}  // namespace caponier::ssh
