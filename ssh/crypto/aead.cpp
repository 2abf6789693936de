// The table of the packet ciphers, and the choice of who computes them.

#include "ssh/crypto/aead.h"

#include <array>

#include "ssh/crypto/aead_providers.h"
#include "ssh/expects.h"

namespace caponier::ssh {

namespace {

constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;

/// In the order of the enumerators. The limits are OpenSSH's: RFC 4344 3.2 gives 2^(L/4) blocks of
/// L bits, 64 GiB with AES, and RFC 4253 9 a gigabyte otherwise.
constexpr std::array<CipherShape, 6> shapes{{
    {.name = "aes128-gcm@openssh.com",
     .key_bytes = 16,
     .iv_bytes = 12,
     .block_bytes = 16,
     .tag_bytes = 16,
     .rekey_bytes = 64 * gibibyte},
    {.name = "aes256-gcm@openssh.com",
     .key_bytes = 32,
     .iv_bytes = 12,
     .block_bytes = 16,
     .tag_bytes = 16,
     .rekey_bytes = 64 * gibibyte},
    {.name = "chacha20-poly1305@openssh.com",
     .key_bytes = 64,
     .iv_bytes = 0,
     .block_bytes = 8,
     .tag_bytes = 16,
     .rekey_bytes = gibibyte},
    {.name = "aes128-ctr",
     .key_bytes = 16,
     .iv_bytes = 16,
     .block_bytes = 16,
     .tag_bytes = 0,
     .rekey_bytes = 64 * gibibyte},
    {.name = "aes192-ctr",
     .key_bytes = 24,
     .iv_bytes = 16,
     .block_bytes = 16,
     .tag_bytes = 0,
     .rekey_bytes = 64 * gibibyte},
    {.name = "aes256-ctr",
     .key_bytes = 32,
     .iv_bytes = 16,
     .block_bytes = 16,
     .tag_bytes = 0,
     .rekey_bytes = 64 * gibibyte},
}};

}  // namespace

const CipherShape& shape_of(CipherAlgorithm algorithm) noexcept {
    const auto at = static_cast<std::size_t>(algorithm);
    expects(at < shapes.size());
    return shapes[at];
}

std::optional<CipherAlgorithm> cipher_of(std::string_view name) noexcept {
    for (std::size_t at = 0; at < shapes.size(); ++at) {
        if (shapes[at].name == name) {
            return static_cast<CipherAlgorithm>(at);
        }
    }
    return std::nullopt;
}

std::unique_ptr<Aead> make_aead(CipherAlgorithm algorithm,
                                const AeadKey& key,
                                AeadProvider provider) {
    const CipherShape& shape = shape_of(algorithm);
    expects(shape.tag_bytes > 0);
    expects(key.key.size() == shape.key_bytes);
    expects(key.iv.size() == shape.iv_bytes);
    if (provider != AeadProvider::openssl) {
        std::unique_ptr<Aead> aead = make_ipsec_mb_aead(algorithm, key);
        if (aead || provider == AeadProvider::ipsec_mb) {
            return aead;
        }
    }
    return make_openssl_aead(algorithm, key);
}

}  // namespace caponier::ssh
