// Certificates (PROTOCOL.certkeys): parsed, verified and judged. The first byte of the input
// chooses the host that is asked for; the rest is the blob.

#include <algorithm>
#include <array>
#include <string>

#include "ssh/expects.h"
#include "ssh/keys/base64.h"
#include "ssh/keys/certificate.h"
#include "ssh/keys/known_hosts.h"
#include "ssh/keys/public_key.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/unit/ssh/test_certificates.h"

namespace caponier::fuzz {

namespace {

/// known_hosts lines about the authority decide as they say.
void try_authority(const ssh::Certificate& certificate) {
    const std::string key = std::string{ssh::blob_type_name(certificate.ca_key)} + " " +
                            ssh::encode_base64(certificate.ca_key) + "\n";
    using Status = ssh::HostKeyVerdict::Status;
    ssh::KnownHosts known{{.host = "bastion.example"}};
    ssh::expects(known.check_authority(certificate).status == Status::unknown);
    known.add_file("@cert-authority *.example " + key);
    ssh::expects(known.check_authority(certificate).status == Status::matched);
    ssh::expects(known.check(certificate.ca_key).status == Status::unknown);
    known.add_file("@revoked * " + key);
    ssh::expects(known.check_authority(certificate).status == Status::revoked);
}

}  // namespace

void try_input(std::span<const std::byte> bytes) {
    Input input{bytes};
    constexpr std::array<std::string_view, 3> hosts{"bastion.example", "db.internal.example", "x"};
    const std::string_view host = hosts[input.byte() % hosts.size()];
    const ssh::Result<ssh::Certificate> certificate = ssh::parse_certificate(input.rest());
    if (!certificate) {
        return;
    }
    const std::array<std::string, 2> algorithms{"ssh-ed25519", "rsa-sha2-512"};
    const ssh::CertificateVerdict verdict =
        ssh::check_host_certificate(*certificate,
                                    {.host = host,
                                     .now_s = ssh::test_certificates::in_between,
                                     .ca_signature_algorithms = algorithms});

    try_authority(*certificate);
    ssh::expects(!ssh::describe(verdict).empty());
    ssh::expects(!ssh::is_certificate_algorithm(ssh::blob_type_name(certificate->ca_key)));
    ssh::expects(certificate->principals.size() <= ssh::certificate_principals_max);
    if (verdict == ssh::CertificateVerdict::valid) {
        ssh::expects(certificate->role == ssh::CertificateRole::host);
        ssh::expects(!certificate->principals.empty());
        ssh::expects(certificate->valid_after_s <= ssh::test_certificates::in_between);
        ssh::expects(certificate->valid_before_s > ssh::test_certificates::in_between);
        ssh::expects(std::ranges::find(algorithms, ssh::ca_signature_algorithm(*certificate)) !=
                     algorithms.end());
        ssh::expects(ssh::verify_ca_signature(*certificate) == ssh::Verification::valid);
    }
}

}  // namespace caponier::fuzz
