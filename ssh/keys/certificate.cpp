// OpenSSH certificates; see certificate.h. It is stricter than OpenSSH's sshkey.c in what an honest
// CA never does: options out of order are refused, which PROTOCOL.certkeys forbids and sshkey.c
// reads over.

#include "ssh/keys/certificate.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "ssh/keys/host_patterns.h"
#include "ssh/keys/public_key.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

/// One certificate algorithm. The fields of a plain key stand in its certificate as they are, so
/// that the plain blob is the plain name and a copy of them.
struct AlgorithmRow {
    std::string_view certificate;
    std::string_view plain;
    std::string_view plain_type;  ///< what the plain key's blob begins with
    std::string_view blob_type;   ///< what the certificate's blob begins with
    std::size_t key_fields;       ///< strings and mpints, which are strings on the wire
};

constexpr std::string_view rsa_type = "ssh-rsa-cert-v01@openssh.com";
constexpr std::string_view nistp256_type = "ecdsa-sha2-nistp256-cert-v01@openssh.com";
constexpr std::string_view nistp384_type = "ecdsa-sha2-nistp384-cert-v01@openssh.com";
constexpr std::string_view nistp521_type = "ecdsa-sha2-nistp521-cert-v01@openssh.com";
constexpr std::string_view ed25519_type = "ssh-ed25519-cert-v01@openssh.com";
constexpr std::string_view sk_nistp256_type = "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com";
constexpr std::string_view sk_ed25519_type = "sk-ssh-ed25519-cert-v01@openssh.com";
constexpr std::string_view sk_nistp256_plain = "sk-ecdsa-sha2-nistp256@openssh.com";
constexpr std::string_view sk_ed25519_plain = "sk-ssh-ed25519@openssh.com";

constexpr std::array certificate_algorithms{
    AlgorithmRow{ed25519_type, "ssh-ed25519", "ssh-ed25519", ed25519_type, 1},
    AlgorithmRow{nistp256_type, "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", nistp256_type, 2},
    AlgorithmRow{nistp384_type, "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", nistp384_type, 2},
    AlgorithmRow{nistp521_type, "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", nistp521_type, 2},
    AlgorithmRow{sk_ed25519_type, sk_ed25519_plain, sk_ed25519_plain, sk_ed25519_type, 2},
    AlgorithmRow{sk_nistp256_type, sk_nistp256_plain, sk_nistp256_plain, sk_nistp256_type, 3},
    AlgorithmRow{"rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-512", "ssh-rsa", rsa_type, 2},
    AlgorithmRow{"rsa-sha2-256-cert-v01@openssh.com", "rsa-sha2-256", "ssh-rsa", rsa_type, 2},
    AlgorithmRow{rsa_type, "ssh-rsa", "ssh-rsa", rsa_type, 2},
};

tl::unexpected<Error> malformed() noexcept {
    return tl::unexpected{Error{ErrorCode::malformed_key}};
}

const AlgorithmRow* find_algorithm(std::string_view certificate) noexcept {
    const auto found =
        std::ranges::find(certificate_algorithms, certificate, &AlgorithmRow::certificate);
    return found == certificate_algorithms.end() ? nullptr : &*found;
}

// ---- keys --------------------------------------------------------------------------------------

/// No error: a plain key whose fields fit. A certificate is none, so none is looked into.
std::optional<Error> error_of_plain_key(std::span<const std::byte> blob) noexcept {
    const Result<PublicKey> key = parse_public_key(blob);
    return key ? std::nullopt : std::optional{key.error()};
}

// ---- fields ------------------------------------------------------------------------------------

/// Text for people and for comparing: sshbuf_get_cstring() refuses a zero byte in it as well.
std::string_view text_without_zeros(WireReader& in) noexcept {
    const std::string_view text = in.text();
    if (text.find('\0') != std::string_view::npos) {
        in.fail();
        return {};
    }
    return text;
}

/// "valid principals": strings packed in a string. Fails `outer` if they do not fit.
std::vector<std::string_view> read_principals(WireReader& outer) {
    WireReader in{outer.string()};
    std::vector<std::string_view> principals;
    while (in.ok() && !in.complete() && principals.size() < certificate_principals_max) {
        principals.push_back(text_without_zeros(in));
    }
    if (!in.complete()) {
        outer.fail();
    }
    return principals;
}

/// PROTOCOL.certkeys: "Options must be lexically ordered by "name" if they appear in the sequence.
/// Each named option may only appear once in a certificate." Of extensions: "The encoding and
/// ordering of extensions in this field is identical".
std::vector<CertificateOption> read_options(WireReader& outer) {
    WireReader in{outer.string()};
    std::vector<CertificateOption> options;
    while (in.ok() && !in.complete() && options.size() < certificate_options_max) {
        const std::string_view name = text_without_zeros(in);
        const std::span<const std::byte> data = in.string();
        if (!options.empty() && name <= options.back().name) {
            in.fail();
        }
        options.push_back({.name = name, .data = data});
    }
    if (!in.complete()) {
        outer.fail();
    }
    return options;
}

CertificateRole read_role(WireReader& in) noexcept {
    const std::uint32_t role = in.uint32();
    if (role == static_cast<std::uint32_t>(CertificateRole::host)) {
        return CertificateRole::host;
    }
    if (role != static_cast<std::uint32_t>(CertificateRole::user)) {
        in.fail();
    }
    return CertificateRole::user;
}

/// The fields of the plain key, and in front of them its name.
std::vector<std::byte> read_plain_key(WireReader& in, const AlgorithmRow& row) {
    std::vector<std::byte> blob;
    WireWriter out{blob};
    out.text(row.plain_type);
    for (std::size_t field = 0; field < row.key_fields; ++field) {
        out.string(in.string());
    }
    return blob;
}

// ---- the decision ------------------------------------------------------------------------------

/// The names of OpenSSH's host certificates are patterns (10.0: sshkey_cert_check_host() asks for
/// wildcard_pattern). A principal is one pattern: a comma in it is a comma.
bool lists_host(const Certificate& certificate, std::string_view host) {
    return std::ranges::any_of(certificate.principals, [host](std::string_view principal) {
        return matches_principal(principal, host);
    });
}

}  // namespace

bool is_certificate_algorithm(std::string_view algorithm) noexcept {
    return find_algorithm(algorithm) != nullptr;
}

std::string_view plain_algorithm(std::string_view algorithm) noexcept {
    const AlgorithmRow* const row = find_algorithm(algorithm);
    return row == nullptr ? algorithm : row->plain;
}

std::string_view certificate_algorithm(std::string_view plain) noexcept {
    const auto found = std::ranges::find(certificate_algorithms, plain, &AlgorithmRow::plain);
    return found == certificate_algorithms.end() ? std::string_view{} : found->certificate;
}

std::string_view blob_type_of_algorithm(std::string_view algorithm) noexcept {
    if (const AlgorithmRow* const row = find_algorithm(algorithm)) {
        return row->blob_type;
    }
    const auto found = std::ranges::find(certificate_algorithms, algorithm, &AlgorithmRow::plain);
    return found == certificate_algorithms.end() ? algorithm : found->plain_type;
}

std::span<const std::string_view> certificate_types() noexcept {
    static constexpr std::array types{ed25519_type,
                                      nistp256_type,
                                      nistp384_type,
                                      nistp521_type,
                                      sk_ed25519_type,
                                      sk_nistp256_type,
                                      rsa_type};
    return types;
}

Result<Certificate> parse_certificate(std::span<const std::byte> blob) {
    if (blob.size() > certificate_bytes_max) {
        return malformed();
    }
    WireReader in{blob};
    const std::string_view type_name = in.text();
    if (!in.ok() || !is_valid_name(type_name)) {
        return malformed();
    }
    // The declared type decides before anything else is looked at. PROTOCOL.certkeys has it that
    // the names of RSA's signatures "should not appear in keys"; sshkey.c reads them all the same.
    const AlgorithmRow* const row = find_algorithm(type_name);
    if (row == nullptr) {
        return tl::unexpected{Error{ErrorCode::unsupported_key}};
    }
    Certificate certificate;
    certificate.type_name = row->blob_type;
    // "nonce": "a CA-provided random bitstring of arbitrary length".
    static_cast<void>(in.string());
    certificate.public_key = read_plain_key(in, *row);
    certificate.serial = in.uint64();
    certificate.role = read_role(in);
    certificate.key_id = text_without_zeros(in);
    certificate.principals = read_principals(in);
    certificate.valid_after_s = in.uint64();
    certificate.valid_before_s = in.uint64();
    certificate.critical_options = read_options(in);
    certificate.extensions = read_options(in);
    // "The reserved field is currently unused and is ignored in this version of the protocol."
    static_cast<void>(in.string());
    certificate.ca_key = in.string();
    certificate.signed_bytes = blob.first(blob.size() - in.unread_bytes());
    certificate.signature = in.string();
    if (!in.complete()) {
        return malformed();
    }
    // PROTOCOL.certkeys: "'Chained' certificates, where the signature key type is a certificate
    // type itself are NOT supported."
    for (const std::span<const std::byte> key :
         {std::span<const std::byte>{certificate.public_key}, certificate.ca_key}) {
        if (const std::optional<Error> error = error_of_plain_key(key)) {
            return tl::unexpected{*error};
        }
    }
    return certificate;
}

std::vector<std::byte> key_without_certificate(std::span<const std::byte> blob) {
    if (is_certificate_algorithm(blob_type_name(blob))) {
        Result<Certificate> certificate = parse_certificate(blob);
        if (certificate) {
            return std::move(certificate->public_key);
        }
    }
    return blob_under_own_name(blob);
}

std::string_view ca_signature_algorithm(const Certificate& certificate) noexcept {
    return blob_type_name(certificate.signature);
}

/// As sshkey.c, cert_parse(): whether an authority's security key was touched is not asked.
Verification verify_ca_signature(const Certificate& certificate) noexcept {
    return verify({.algorithm = ca_signature_algorithm(certificate),
                   .key = certificate.ca_key,
                   .data = certificate.signed_bytes,
                   .signature = certificate.signature,
                   .wants_user = false});
}

CertificateVerdict check_host_certificate(const Certificate& certificate,
                                          const HostCertificateQuestion& question) {
    using enum CertificateVerdict;
    if (certificate.role != CertificateRole::host) {
        return not_a_host_certificate;
    }
    // PROTOCOL.certkeys: "valid after <= current time < valid before".
    if (question.now_s < certificate.valid_after_s) {
        return not_yet_valid;
    }
    if (question.now_s >= certificate.valid_before_s) {
        return expired;
    }
    // PROTOCOL.certkeys has such a certificate valid for every host. Current OpenSSH refuses it,
    // because a CA that forgets a name would make a key of all hosts.
    if (certificate.principals.empty()) {
        return no_principals;
    }
    if (!lists_host(certificate, question.host)) {
        return host_not_listed;
    }
    // PROTOCOL.certkeys: "No critical options are defined for host certificates at present." and
    // "if an implementation does not recognise a option, then the validating party should refuse".
    if (!certificate.critical_options.empty()) {
        return unknown_critical_option;
    }
    const std::string_view algorithm = ca_signature_algorithm(certificate);
    // SHA-1 is refused whatever the list says: a forged CA signature is a key to every host.
    if (algorithm == "ssh-rsa" || std::ranges::find(question.ca_signature_algorithms, algorithm) ==
                                      question.ca_signature_algorithms.end()) {
        return ca_algorithm_not_allowed;
    }
    return verify_ca_signature(certificate) == Verification::valid ? valid : wrong_signature;
}

std::string_view describe(CertificateVerdict verdict) noexcept {
    switch (verdict) {
    case CertificateVerdict::not_a_host_certificate:
        return "is not a host certificate";
    case CertificateVerdict::not_yet_valid:
        return "is not yet valid";
    case CertificateVerdict::expired:
        return "is expired";
    case CertificateVerdict::no_principals:
        return "names no host";
    case CertificateVerdict::host_not_listed:
        return "does not list this host";
    case CertificateVerdict::unknown_critical_option:
        return "has a critical option, and none is known for hosts";
    case CertificateVerdict::ca_algorithm_not_allowed:
        return "is signed with an algorithm that is not allowed (CASignatureAlgorithms)";
    case CertificateVerdict::wrong_signature:
        return "is not signed by the authority that it names";
    case CertificateVerdict::valid:
        return "is valid";
    }
    return "cannot be judged";
}

}  // namespace caponier::ssh
