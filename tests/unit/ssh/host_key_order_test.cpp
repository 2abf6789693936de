// The order of host key algorithms, for the servers that have several keys.

#include "ssh/keys/host_key_order.h"

#include <gtest/gtest.h>

namespace caponier::ssh {
namespace {

using Names = std::vector<std::string>;

// Item 48: no downgrade, and no change of the key's type.
TEST(HostKeyOrder, PutsTheAlgorithmsOfRecordedKeysFirst) {
    const Names algorithms{"ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"};

    const Names ordered = recorded_first(algorithms, Names{"ssh-rsa"});

    EXPECT_EQ(ordered,
              (Names{"rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519", "ecdsa-sha2-nistp256"}));
}

TEST(HostKeyOrder, PutsCertificatesFirstWhereTheyOrTheirKeysAreRecorded) {
    const Names algorithms{"ssh-ed25519-cert-v01@openssh.com",
                           "rsa-sha2-512-cert-v01@openssh.com",
                           "ssh-ed25519",
                           "rsa-sha2-512"};

    EXPECT_EQ(recorded_first(algorithms, Names{"ssh-rsa-cert-v01@openssh.com"}),
              (Names{"rsa-sha2-512-cert-v01@openssh.com",
                     "ssh-ed25519-cert-v01@openssh.com",
                     "ssh-ed25519",
                     "rsa-sha2-512"}));
    EXPECT_EQ(recorded_first(algorithms, Names{"ssh-rsa"}),
              (Names{"rsa-sha2-512-cert-v01@openssh.com",
                     "rsa-sha2-512",
                     "ssh-ed25519-cert-v01@openssh.com",
                     "ssh-ed25519"}));
}

TEST(HostKeyOrder, LeavesTheOrderAloneWhereNothingIsRecorded) {
    const Names algorithms{"ssh-ed25519", "ecdsa-sha2-nistp256"};

    EXPECT_EQ(recorded_first(algorithms, Names{}), algorithms);
    EXPECT_EQ(recorded_first(algorithms, Names{"ssh-dss"}), algorithms);
}

// ssh prefers "all certificate algorithms" where a @cert-authority line names the host.
TEST(HostKeyOrder, CertificatesOfATrustedAuthorityComeFirst) {
    const Names algorithms{"ssh-ed25519",
                           "rsa-sha2-512",
                           "ssh-ed25519-cert-v01@openssh.com",
                           "rsa-sha2-512-cert-v01@openssh.com"};

    EXPECT_EQ(
        recorded_first(
            algorithms,
            Names{"ssh-rsa", "ssh-rsa-cert-v01@openssh.com", "ssh-ed25519-cert-v01@openssh.com"}),
        (Names{"ssh-ed25519-cert-v01@openssh.com",
               "rsa-sha2-512-cert-v01@openssh.com",
               "rsa-sha2-512",
               "ssh-ed25519"}));
    EXPECT_EQ(recorded_first(algorithms, Names{"ssh-rsa"}).front(), "rsa-sha2-512");
}

}  // namespace
}  // namespace caponier::ssh
