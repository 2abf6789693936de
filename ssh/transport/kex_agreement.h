#pragma once
// What a key exchange method adds to the common frame of RFC 4253 8: two public values and a shared
// secret, encoded as the method has it hashed. key_exchange.cpp does the rest. A new method is a
// file that implements this and a row in algorithms.cpp; a hybrid one, too.

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "ssh/config.h"
#include "ssh/crypto/secret_bytes.h"
#include "ssh/error.h"

namespace caponier::ssh {

/// K, with the length field that it is hashed with: an mpint, or a string where the method says so.
struct SharedSecret {
    SecretBytes encoded;
};

/// One exchange on one side; used once. What fails, fails with key_exchange_failed.
class KexAgreement {
  public:
    KexAgreement() = default;
    KexAgreement(const KexAgreement&) = delete;
    KexAgreement& operator=(const KexAgreement&) = delete;
    virtual ~KexAgreement() = default;

    /// Client: the value for the server.
    [[nodiscard]] virtual Result<std::vector<std::byte>> offer(const RandomSource& random) = 0;
    /// Client, after offer(): the secret, from the server's value.
    [[nodiscard]] virtual Result<SharedSecret> finish(std::span<const std::byte> server_value) = 0;

    struct Answer {
        std::vector<std::byte> value;  ///< for the client
        SharedSecret secret;
    };
    /// Server: both at once, from the client's value.
    [[nodiscard]] virtual Result<Answer> answer(std::span<const std::byte> client_value,
                                                const RandomSource& random) = 0;
};

/// curve25519-sha256 (RFC 8731).
[[nodiscard]] std::unique_ptr<KexAgreement> make_x25519();
/// ecdh-sha2-nistp256 (RFC 5656 4).
[[nodiscard]] std::unique_ptr<KexAgreement> make_ecdh_nistp256();

}  // namespace caponier::ssh
