#pragma once
// From the shared secret to the exchange hash and to the keys of both directions (RFC 4253 7.2, 8).

#include <cstddef>
#include <span>
#include <string_view>

#include "ssh/crypto/hash.h"
#include "ssh/crypto/secret_bytes.h"
#include "ssh/transport/kex_agreement.h"

namespace caponier::ssh {

/// What H is made of, in its order (RFC 4253 8, RFC 5656 4). All views.
struct ExchangeHashInput {
    std::string_view client_identification;     ///< V_C, without CR LF
    std::string_view server_identification;     ///< V_S
    std::span<const std::byte> client_kexinit;  ///< I_C, the payload
    std::span<const std::byte> server_kexinit;  ///< I_S
    std::span<const std::byte> host_key;        ///< K_S
    /// RFC 4419 3: what was asked for and chosen as the group, encoded; empty with other methods.
    std::span<const std::byte> group{};
    std::span<const std::byte> client_value;  ///< Q_C or e
    std::span<const std::byte> server_value;  ///< Q_S or f
    const SharedSecret& secret;               ///< K
};

[[nodiscard]] Digest exchange_hash(HashAlgorithm algorithm,
                                   const ExchangeHashInput& input) noexcept;

/// RFC 4253 7.2: the letter decides what a key is for.
enum class KeyPurpose : char {
    iv_client_to_server = 'A',
    iv_server_to_client = 'B',
    encryption_client_to_server = 'C',
    encryption_server_to_client = 'D',
    integrity_client_to_server = 'E',
    integrity_server_to_client = 'F',
};

struct KeyDerivation {
    HashAlgorithm hash;
    const SharedSecret& secret;
    const Digest& exchange_hash;
    std::span<const std::byte> session_id;

    /// `size` bytes: HASH(K || H || letter || session_id), extended by HASH(K || H || K1 || ...)
    /// where one digest is not enough.
    [[nodiscard]] SecretBytes derive(KeyPurpose purpose, std::size_t size) const;
};

}  // namespace caponier::ssh
