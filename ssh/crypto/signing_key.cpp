// Private keys in libcrypto's hands; see signing_key.h. Every way to make one ends in checked(),
// which computes the public half and has the key prove itself.

#include "ssh/crypto/signing_key.h"

#include <array>
#include <string_view>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/x509.h>

#include "ssh/crypto/key_parameters.h"
#include "ssh/crypto/openssl.h"
#include "ssh/crypto/signature.h"
#include "ssh/wire/bytes.h"

namespace caponier::ssh {

namespace {

constexpr std::size_t ed25519_bytes = 32;
/// 1 + 2 * 66 bytes for a point of P-521.
constexpr std::size_t point_bytes_max = 133;

tl::unexpected<Error> malformed() noexcept {
    return tl::unexpected{Error{ErrorCode::malformed_key}};
}

tl::unexpected<Error> unsupported() noexcept {
    return tl::unexpected{Error{ErrorCode::unsupported_key}};
}

Result<KeyType> type_of_ec_key(const EVP_PKEY& key) {
    std::array<char, 64> group{};
    std::size_t size = 0;
    if (EVP_PKEY_get_group_name(&key, group.data(), group.size(), &size) != 1) {
        return unsupported();
    }
    const std::string_view name{group.data(), size};
    if (name == "prime256v1" || name == "P-256") {
        return KeyType::ecdsa_nistp256;
    }
    if (name == "secp384r1" || name == "P-384") {
        return KeyType::ecdsa_nistp384;
    }
    if (name == "secp521r1" || name == "P-521") {
        return KeyType::ecdsa_nistp521;
    }
    return unsupported();
}

Result<KeyType> type_of(const EVP_PKEY& key) {
    switch (EVP_PKEY_get_base_id(&key)) {
    case EVP_PKEY_ED25519:
        return KeyType::ed25519;
    case EVP_PKEY_RSA:
        return KeyType::rsa;
    case EVP_PKEY_EC:
        return type_of_ec_key(key);
    default:
        return unsupported();
    }
}

/// The big-endian magnitude of one of the key's public numbers; empty if it has none.
std::vector<std::byte> public_number(const EVP_PKEY& key, const char* name) {
    BIGNUM* found = nullptr;
    if (EVP_PKEY_get_bn_param(&key, name, &found) != 1) {
        return {};
    }
    const openssl::Number number{found};
    std::vector<std::byte> magnitude(static_cast<std::size_t>(BN_num_bytes(number.get())));
    BN_bn2bin(number.get(), openssl::writable(magnitude));
    return magnitude;
}

std::vector<std::byte> public_point(const EVP_PKEY& key, KeyType type) {
    std::vector<std::byte> point(point_bytes_max);
    std::size_t size = point.size();
    const int done = type == KeyType::ed25519
                         ? EVP_PKEY_get_raw_public_key(&key, openssl::writable(point), &size)
                         : EVP_PKEY_get_octet_string_param(&key,
                                                           OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
                                                           openssl::writable(point),
                                                           point.size(),
                                                           &size);
    point.resize(done == 1 ? size : 0);
    return point;
}

std::vector<std::byte> public_blob(const EVP_PKEY& key, KeyType type) {
    if (type == KeyType::rsa) {
        const std::vector<std::byte> modulus = public_number(key, OSSL_PKEY_PARAM_RSA_N);
        const std::vector<std::byte> exponent = public_number(key, OSSL_PKEY_PARAM_RSA_E);
        return make_public_key_blob({.type = type, .exponent = exponent, .modulus = modulus});
    }
    const std::vector<std::byte> point = public_point(key, type);
    return make_public_key_blob({.type = type, .point = point});
}

}  // namespace

void SigningKey::Deleter::operator()(evp_pkey_st* key) const noexcept {
    EVP_PKEY_free(key);
}

SigningKey::SigningKey(Key key, KeyType type, std::vector<std::byte> public_key) noexcept
    : key_{std::move(key)}, type_{type}, public_key_{std::move(public_key)} {}

Result<SigningKey> SigningKey::from_ed25519_seed(std::span<const std::byte> seed) {
    const openssl::ErrorQueueGuard guard;
    if (seed.size() != ed25519_bytes) {
        return malformed();
    }
    return checked(Key{
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, openssl::raw(seed), seed.size())});
}

Result<SigningKey> SigningKey::from_ecdsa(KeyType curve, const EcdsaNumbers& numbers) {
    const openssl::ErrorQueueGuard guard;
    openssl::KeyParameters parameters;
    parameters.add_group(curve);
    parameters.add_octets(OSSL_PKEY_PARAM_PUB_KEY, numbers.point);
    parameters.add_number(OSSL_PKEY_PARAM_PRIV_KEY, numbers.scalar);
    return checked(Key{parameters.make_key("EC", EVP_PKEY_KEYPAIR).release()});
}

Result<SigningKey> SigningKey::from_rsa(const RsaNumbers& numbers) {
    const openssl::ErrorQueueGuard guard;
    const auto number = [](std::span<const std::byte> bytes) {
        openssl::Number made{
            BN_bin2bn(openssl::raw(bytes), static_cast<int>(bytes.size()), nullptr)};
        BN_set_flags(made.get(), BN_FLG_CONSTTIME);
        return made;
    };
    const openssl::NumberContext context{BN_CTX_secure_new()};
    const openssl::Number d = number(numbers.private_exponent);
    const openssl::Number p_minus_1 = number(numbers.p);
    const openssl::Number q_minus_1 = number(numbers.q);
    const openssl::Number d_mod_p{BN_new()};
    const openssl::Number d_mod_q{BN_new()};
    // RFC 8017 3.2: dP = d mod (p - 1) and dQ = d mod (q - 1), which SSH's format leaves out.
    if (BN_sub_word(p_minus_1.get(), 1) != 1 || BN_sub_word(q_minus_1.get(), 1) != 1 ||
        BN_mod(d_mod_p.get(), d.get(), p_minus_1.get(), context.get()) != 1 ||
        BN_mod(d_mod_q.get(), d.get(), q_minus_1.get(), context.get()) != 1) {
        return malformed();
    }
    openssl::KeyParameters parameters;
    parameters.add_number(OSSL_PKEY_PARAM_RSA_N, numbers.modulus);
    parameters.add_number(OSSL_PKEY_PARAM_RSA_E, numbers.public_exponent);
    parameters.add_number(OSSL_PKEY_PARAM_RSA_D, numbers.private_exponent);
    parameters.add_number(OSSL_PKEY_PARAM_RSA_FACTOR1, numbers.p);
    parameters.add_number(OSSL_PKEY_PARAM_RSA_FACTOR2, numbers.q);
    parameters.add_number(OSSL_PKEY_PARAM_RSA_EXPONENT1, *d_mod_p);
    parameters.add_number(OSSL_PKEY_PARAM_RSA_EXPONENT2, *d_mod_q);
    parameters.add_number(OSSL_PKEY_PARAM_RSA_COEFFICIENT1, numbers.inverse_of_q);
    return checked(Key{parameters.make_key("RSA", EVP_PKEY_KEYPAIR).release()});
}

Result<SigningKey> SigningKey::from_der(std::span<const std::byte> der) {
    const openssl::ErrorQueueGuard guard;
    const unsigned char* end = openssl::raw(der);
    Key key{d2i_AutoPrivateKey(nullptr, &end, static_cast<long>(der.size()))};
    if (key == nullptr || end != openssl::raw(der) + der.size()) {
        return malformed();
    }
    return checked(std::move(key));
}

Result<SigningKey> SigningKey::checked(Key key) {
    if (key == nullptr) {
        return malformed();
    }
    const Result<KeyType> type = type_of(*key);
    if (!type) {
        return tl::unexpected{type.error()};
    }
    std::vector<std::byte> blob = public_blob(*key, *type);
    // Sizes and shapes that we do not verify with are not signed with, either.
    const Result<PublicKey> shape = parse_public_key(blob);
    if (!shape) {
        return tl::unexpected{shape.error()};
    }
    SigningKey made{std::move(key), *type, std::move(blob)};
    // Whoever replaced a half of the file must not get a signature out of it: with a wrong public
    // half, signatures give the private half away.
    const std::string_view algorithm = signature_algorithms(*type).front();
    const std::span<const std::byte> data = bytes_of("a signing key proves itself");
    const Result<std::vector<std::byte>> signature = sign(made, algorithm, data);
    if (!signature || verify({.algorithm = algorithm,
                              .key = made.public_key(),
                              .data = data,
                              .signature = *signature}) != Verification::valid) {
        return malformed();
    }
    return made;
}

}  // namespace caponier::ssh
