#pragma once
// OpenSSH certificates (PROTOCOL.certkeys): a public key, what it is good for, and a signature of a
// certification authority (CA) over both. Parsing and deciding; which authorities are trusted for
// which host is known_hosts.h's, files and the clock are the caller's.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ssh/crypto/signature.h"
#include "ssh/error.h"
#include "ssh/limits.h"

namespace caponier::ssh {

// ---- names -------------------------------------------------------------------------------------

/// "ssh-ed25519-cert-v01@openssh.com", "rsa-sha2-512-cert-v01@openssh.com", ...: what a host key
/// algorithm or a public key algorithm may be called when the key is inside a certificate.
[[nodiscard]] bool is_certificate_algorithm(std::string_view algorithm) noexcept;

/// The algorithm that signatures are made and verified with: "rsa-sha2-512" for
/// "rsa-sha2-512-cert-v01@openssh.com". A plain name stays as it is.
[[nodiscard]] std::string_view plain_algorithm(std::string_view algorithm) noexcept;

/// The inverse: "rsa-sha2-512-cert-v01@openssh.com" for "rsa-sha2-512". Empty where there is none.
[[nodiscard]] std::string_view certificate_algorithm(std::string_view plain) noexcept;

/// The type name that the blob begins with: "ssh-rsa-cert-v01@openssh.com" for
/// "rsa-sha2-512-cert-v01@openssh.com", because the types named after RFC 8332 "should not appear
/// in keys at rest or transmitted on the wire". Plain names are answered alike ("ssh-rsa").
[[nodiscard]] std::string_view blob_type_of_algorithm(std::string_view algorithm) noexcept;

/// What the blob of a certificate may begin with.
[[nodiscard]] std::span<const std::string_view> certificate_types() noexcept;

// ---- the certificate ---------------------------------------------------------------------------

/// sshkey.h: SSHKEY_CERT_MAX_PRINCIPALS.
inline constexpr std::size_t certificate_principals_max = 256;
/// Of critical options and of extensions, each. Five extensions are defined, and three options.
inline constexpr std::size_t certificate_options_max = 256;
/// A host's is the largest.
inline constexpr std::size_t certificate_bytes_max = host_key_bytes_max;

/// PROTOCOL.certkeys: SSH_CERT_TYPE_USER and SSH_CERT_TYPE_HOST.
enum class CertificateRole : std::uint8_t { user = 1, host = 2 };

/// "string name, string data".
struct CertificateOption {
    std::string_view name;
    std::span<const std::byte> data;
};

/// A blob whose fields were checked, and its signature not yet; the views point into it.
struct Certificate {
    std::string_view type_name;         ///< of the type: "ssh-rsa-cert-v01@openssh.com"
    std::vector<std::byte> public_key;  ///< RFC 4253 6.6: the plain key inside
    std::uint64_t serial = 0;
    CertificateRole role{};
    std::string_view key_id;  ///< anything but a zero byte: filter it before printing
    std::vector<std::string_view> principals;  ///< the same
    std::uint64_t valid_after_s = 0;           ///< since 1970; the first second that is valid
    std::uint64_t valid_before_s = 0;          ///< the first that is not
    std::vector<CertificateOption> critical_options;
    std::vector<CertificateOption> extensions;
    std::span<const std::byte> ca_key;        ///< a plain key's blob
    std::span<const std::byte> signed_bytes;  ///< what the CA signed
    std::span<const std::byte> signature;     ///< RFC 4253 6.6
};

/// `unsupported_key` for types that are not spoken (ssh-dss, certificates as CA keys), and
/// `malformed_key` for everything that breaks a rule: also options out of order, twice the same, or
/// bytes behind the signature.
[[nodiscard]] Result<Certificate> parse_certificate(std::span<const std::byte> blob);

/// The plain key in a certificate; any other blob under its own name. For comparing keys as
/// OpenSSH's sshkey_equal_public() does.
[[nodiscard]] std::vector<std::byte> key_without_certificate(std::span<const std::byte> blob);

/// The algorithm that the CA signed with, as the signature names it; empty if it names none.
[[nodiscard]] std::string_view ca_signature_algorithm(const Certificate& certificate) noexcept;

/// Whether the CA's signature is over these fields. Which algorithms are good enough is asked in
/// check_host_certificate().
[[nodiscard]] Verification verify_ca_signature(const Certificate& certificate) noexcept;

// ---- the decision ------------------------------------------------------------------------------

/// What check_host_certificate() found. `valid` is the only value that means acceptance.
enum class CertificateVerdict : std::uint8_t {
    not_a_host_certificate,
    not_yet_valid,
    expired,
    no_principals,
    host_not_listed,
    unknown_critical_option,
    ca_algorithm_not_allowed,
    wrong_signature,
    valid,
};

struct HostCertificateQuestion {
    std::string_view host;    ///< without a port: the host's name, or HostKeyAlias
    std::uint64_t now_s = 0;  ///< since 1970
    /// CASignatureAlgorithms: names of plain algorithms.
    std::span<const std::string> ca_signature_algorithms;
};

/// Whether the certificate vouches for its key as the key of this host. Says nothing about the CA:
/// a trusted one has to be `certificate.ca_key`.
[[nodiscard]] CertificateVerdict check_host_certificate(const Certificate& certificate,
                                                        const HostCertificateQuestion& question);

/// What is wrong, to follow "the certificate ": "is expired". Static storage.
[[nodiscard]] std::string_view describe(CertificateVerdict verdict) noexcept;

}  // namespace caponier::ssh
