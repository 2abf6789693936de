// Private keys in libcrypto's hands; see signing_key.h. Every way to make one ends in checked(),
// which computes the public half and has the key prove itself.

#include "ssh/crypto/signing_key.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
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

tl::unexpected<Error> wrong_passphrase() noexcept {
    return tl::unexpected{Error{ErrorCode::key_is_encrypted}};
}

/// A file may name any number of iterations; these take some seconds.
constexpr std::int64_t pbkdf2_iterations_max = 10'000'000;
/// scrypt's work is N * r * p; 2^24 is sixteen times RFC 7914's example for a file.
constexpr std::uint64_t scrypt_work_max = std::uint64_t{1} << 24;

/// RFC 8018 A.2. Whether it is worth a person's time to derive the key.
bool has_bearable_cost(const X509_ALGOR& derivation) noexcept {
    const ASN1_OBJECT* algorithm = nullptr;
    const void* fields = nullptr;
    int type = 0;
    X509_ALGOR_get0(&algorithm, &type, &fields, &derivation);
    if (type != V_ASN1_SEQUENCE) {
        return false;
    }
    const auto* sequence = static_cast<const ASN1_STRING*>(fields);
    if (OBJ_obj2nid(algorithm) == NID_id_pbkdf2) {
        const std::unique_ptr<PBKDF2PARAM, openssl::Deleter<PBKDF2PARAM_free>> parameters{
            static_cast<PBKDF2PARAM*>(ASN1_item_unpack(sequence, ASN1_ITEM_rptr(PBKDF2PARAM)))};
        std::int64_t iterations = 0;
        return parameters != nullptr &&
               ASN1_INTEGER_get_int64(&iterations, parameters->iter) == 1 && iterations > 0 &&
               iterations <= pbkdf2_iterations_max;
    }
    if (OBJ_obj2nid(algorithm) == NID_id_scrypt) {
        const std::unique_ptr<SCRYPT_PARAMS, openssl::Deleter<SCRYPT_PARAMS_free>> parameters{
            static_cast<SCRYPT_PARAMS*>(ASN1_item_unpack(sequence, ASN1_ITEM_rptr(SCRYPT_PARAMS)))};
        std::uint64_t n = 0;
        std::uint64_t r = 0;
        std::uint64_t p = 0;
        return parameters != nullptr &&
               ASN1_INTEGER_get_uint64(&n, parameters->costParameter) == 1 &&
               ASN1_INTEGER_get_uint64(&r, parameters->blockSize) == 1 &&
               ASN1_INTEGER_get_uint64(&p, parameters->parallelizationParameter) == 1 && n > 0 &&
               r > 0 && p > 0 && n <= scrypt_work_max && r <= scrypt_work_max / n &&
               p <= scrypt_work_max / n / r;
    }
    return false;
}

bool has_bearable_cost(const X509_SIG& sealed) noexcept {
    const X509_ALGOR* scheme = nullptr;
    X509_SIG_get0(&sealed, &scheme, nullptr);
    const ASN1_OBJECT* algorithm = nullptr;
    const void* fields = nullptr;
    int type = 0;
    X509_ALGOR_get0(&algorithm, &type, &fields, scheme);
    if (OBJ_obj2nid(algorithm) != NID_pbes2 || type != V_ASN1_SEQUENCE) {
        return false;
    }
    const std::unique_ptr<PBE2PARAM, openssl::Deleter<PBE2PARAM_free>> parameters{
        static_cast<PBE2PARAM*>(
            ASN1_item_unpack(static_cast<const ASN1_STRING*>(fields), ASN1_ITEM_rptr(PBE2PARAM)))};
    return parameters != nullptr && has_bearable_cost(*parameters->keyfunc);
}

/// libcrypto's pem_password_cb; `context` is the span.
int copy_passphrase(char* room, int room_bytes, int /*for_writing*/, void* context) noexcept {
    const auto& passphrase = *static_cast<const std::span<const std::byte>*>(context);
    if (passphrase.size() > static_cast<std::size_t>(room_bytes)) {
        return -1;
    }
    std::ranges::copy(passphrase,
                      std::as_writable_bytes(std::span{room, passphrase.size()}).begin());
    return static_cast<int>(passphrase.size());
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

Result<SigningKey> SigningKey::from_encrypted_pkcs8(std::span<const std::byte> der,
                                                    std::span<const std::byte> passphrase) {
    const openssl::ErrorQueueGuard guard;
    const unsigned char* end = openssl::raw(der);
    const std::unique_ptr<X509_SIG, openssl::Deleter<X509_SIG_free>> sealed{
        d2i_X509_SIG(nullptr, &end, static_cast<long>(der.size()))};
    if (sealed == nullptr || end != openssl::raw(der) + der.size()) {
        return malformed();
    }
    if (!has_bearable_cost(*sealed)) {
        return unsupported();
    }
    const std::unique_ptr<PKCS8_PRIV_KEY_INFO, openssl::Deleter<PKCS8_PRIV_KEY_INFO_free>> opened{
        PKCS8_decrypt(sealed.get(),
                      reinterpret_cast<const char*>(openssl::raw(passphrase)),
                      static_cast<int>(passphrase.size()))};
    if (opened == nullptr) {
        return wrong_passphrase();
    }
    return checked(Key{EVP_PKCS82PKEY(opened.get())});
}

Result<SigningKey> SigningKey::from_encrypted_pem(std::span<const std::byte> text,
                                                  std::span<const std::byte> passphrase) {
    const openssl::ErrorQueueGuard guard;
    const std::unique_ptr<BIO, openssl::Deleter<BIO_free>> in{
        BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
    Key key{PEM_read_bio_PrivateKey(in.get(), nullptr, &copy_passphrase, &passphrase)};
    if (key == nullptr) {
        return wrong_passphrase();
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
