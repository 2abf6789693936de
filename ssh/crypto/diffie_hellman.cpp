// Modular exponentiation through libcrypto, in constant time; see diffie_hellman.h.

#include "ssh/crypto/diffie_hellman.h"

#include <bit>

#include "ssh/crypto/openssl.h"
#include "ssh/expects.h"

namespace caponier::ssh {

namespace {

tl::unexpected<Error> failed() noexcept {
    return tl::unexpected{Error{ErrorCode::key_exchange_failed}};
}

openssl::Number number_of(std::span<const std::byte> magnitude) noexcept {
    openssl::Number number{
        BN_bin2bn(openssl::raw(magnitude), static_cast<int>(magnitude.size()), nullptr)};
    expects(number != nullptr);
    return number;
}

std::vector<std::byte> magnitude_of(const BIGNUM& number) {
    std::vector<std::byte> magnitude(static_cast<std::size_t>(BN_num_bytes(&number)));
    BN_bn2bin(&number, openssl::writable(magnitude));
    return magnitude;
}

openssl::Number rfc3526_prime(std::size_t bits) noexcept {
    switch (bits) {
    case 2048:
        return openssl::Number{BN_get_rfc3526_prime_2048(nullptr)};
    case 3072:
        return openssl::Number{BN_get_rfc3526_prime_3072(nullptr)};
    case 4096:
        return openssl::Number{BN_get_rfc3526_prime_4096(nullptr)};
    case 6144:
        return openssl::Number{BN_get_rfc3526_prime_6144(nullptr)};
    case 8192:
        return openssl::Number{BN_get_rfc3526_prime_8192(nullptr)};
    default:
        return nullptr;
    }
}

/// Neither below 2 nor above p - 2.
bool is_in_range(const BIGNUM& value, const BIGNUM& prime) noexcept {
    const openssl::Number most{BN_dup(&prime)};
    return most != nullptr && BN_sub_word(most.get(), 1) == 1 && BN_is_zero(&value) == 0 &&
           BN_is_one(&value) == 0 && BN_is_negative(&value) == 0 && BN_cmp(&value, most.get()) < 0;
}

/// Null if libcrypto has no memory left.
openssl::Number power(const BIGNUM& base, const BIGNUM& exponent, const BIGNUM& prime) noexcept {
    const openssl::NumberContext context{BN_CTX_secure_new()};
    openssl::Number result{BN_secure_new()};
    if (context == nullptr || result == nullptr ||
        BN_mod_exp_mont_consttime(result.get(), &base, &exponent, &prime, context.get(), nullptr) !=
            1) {
        return nullptr;
    }
    return result;
}

}  // namespace

DiffieHellmanGroup modp_group(std::size_t bits) {
    const openssl::Number prime = rfc3526_prime(bits);
    expects(prime != nullptr);
    // RFC 3526 2 to 7: "The generator is 2."
    return {.prime = magnitude_of(*prime), .generator = {std::byte{2}}};
}

std::size_t bits_of(std::span<const std::byte> magnitude) noexcept {
    if (magnitude.empty()) {
        return 0;
    }
    const auto top = static_cast<unsigned>(std::to_integer<unsigned char>(magnitude[0]));
    return (magnitude.size() - 1) * 8 + static_cast<std::size_t>(std::bit_width(top));
}

bool is_acceptable(const DiffieHellmanGroup& group) noexcept {
    const std::size_t bits = bits_of(group.prime);
    if (bits < group_bits_min || bits > group_bits_max || group.generator.empty() ||
        group.generator.size() > group.prime.size()) {
        return false;
    }
    const bool is_odd = (group.prime.back() & std::byte{1}) != std::byte{0};
    return is_odd && is_in_range(*number_of(group.generator), *number_of(group.prime));
}

void DiffieHellman::Deleter::operator()(bignum_st* number) const noexcept {
    BN_clear_free(number);
}

Result<DiffieHellman> DiffieHellman::make(const DiffieHellmanGroup& group,
                                          std::span<const std::byte> seed) {
    const openssl::ErrorQueueGuard guard;
    expects(seed.size() == diffie_hellman_seed_bytes);
    expects(is_acceptable(group));
    DiffieHellman made;
    made.prime_.reset(number_of(group.prime).release());
    made.private_value_.reset(number_of(seed).release());
    BN_set_flags(made.private_value_.get(), BN_FLG_CONSTTIME);
    const openssl::Number value =
        power(*number_of(group.generator), *made.private_value_, *made.prime_);
    if (value == nullptr) {
        return tl::unexpected{Error{ErrorCode::crypto_failure}};
    }
    if (!is_in_range(*value, *made.prime_)) {
        return failed();
    }
    made.public_value_ = magnitude_of(*value);
    return made;
}

Result<SecretBytes> DiffieHellman::shared_secret(std::span<const std::byte> peer) const {
    const openssl::ErrorQueueGuard guard;
    const auto prime_bytes = static_cast<std::size_t>(BN_num_bytes(prime_.get()));
    if (peer.size() > prime_bytes) {
        return failed();
    }
    const openssl::Number peer_value = number_of(peer);
    if (!is_in_range(*peer_value, *prime_)) {
        return failed();
    }
    const openssl::Number secret = power(*peer_value, *private_value_, *prime_);
    // RFC 4419 3: "To prevent confinement attacks, they MUST accept the shared secret K only if
    // 1 < K < p - 1."
    if (secret == nullptr || !is_in_range(*secret, *prime_)) {
        return failed();
    }
    SecretBytes bytes{prime_bytes};
    if (BN_bn2binpad(
            secret.get(), openssl::writable(bytes.bytes()), static_cast<int>(bytes.size())) < 0) {
        return failed();
    }
    return bytes;
}

}  // namespace caponier::ssh
