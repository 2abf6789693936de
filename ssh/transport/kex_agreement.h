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

/// RFC 4253 8, RFC 5656 4 and RFC 8731 3.1: the secret's bytes are an unsigned integer in network
/// byte order, and K is that integer as an mpint.
[[nodiscard]] SharedSecret mpint_secret(const SecretBytes& magnitude);

/// For the one method whose sides agree on a group first (RFC 4419 3). Payload fields, without the
/// message number; malformed ones are malformed_message, a group that is not acceptable is
/// key_exchange_failed.
class GroupChoice {
  public:
    GroupChoice() = default;
    GroupChoice(const GroupChoice&) = delete;
    GroupChoice& operator=(const GroupChoice&) = delete;
    virtual ~GroupChoice() = default;

    /// Client: what SSH_MSG_KEX_DH_GEX_REQUEST says, and then what came in
    /// SSH_MSG_KEX_DH_GEX_GROUP.
    [[nodiscard]] virtual std::vector<std::byte> request() = 0;
    [[nodiscard]] virtual Result<void> take(std::span<const std::byte> group) = 0;
    /// Server: the other way round.
    [[nodiscard]] virtual Result<std::vector<std::byte>> choose(
        std::span<const std::byte> request) = 0;
    /// What the exchange hash has between K_S and the public values: both.
    [[nodiscard]] virtual std::span<const std::byte> hashed() const noexcept = 0;
};

/// One exchange on one side; used once. What fails, fails with key_exchange_failed. Public values
/// are strings to the frame; an mpint looks the same there, sign byte and all.
class KexAgreement {
  public:
    KexAgreement() = default;
    KexAgreement(const KexAgreement&) = delete;
    KexAgreement& operator=(const KexAgreement&) = delete;
    virtual ~KexAgreement() = default;

    /// Null for the methods that have their group. Otherwise it is to be asked before the others.
    [[nodiscard]] virtual GroupChoice* group_choice() noexcept { return nullptr; }

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
/// ecdh-sha2-nistp256, -nistp384 and -nistp521 (RFC 5656 4).
[[nodiscard]] std::unique_ptr<KexAgreement> make_ecdh_nistp256();
[[nodiscard]] std::unique_ptr<KexAgreement> make_ecdh_nistp384();
[[nodiscard]] std::unique_ptr<KexAgreement> make_ecdh_nistp521();
/// diffie-hellman-group14-sha256, -group16-sha512 and -group18-sha512 (RFC 8268).
[[nodiscard]] std::unique_ptr<KexAgreement> make_dh_group14();
[[nodiscard]] std::unique_ptr<KexAgreement> make_dh_group16();
[[nodiscard]] std::unique_ptr<KexAgreement> make_dh_group18();
/// diffie-hellman-group-exchange-sha256 (RFC 4419).
[[nodiscard]] std::unique_ptr<KexAgreement> make_dh_group_exchange();

}  // namespace caponier::ssh
