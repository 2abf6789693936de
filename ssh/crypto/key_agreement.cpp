// X25519 and ECDH through libcrypto; see key_agreement.h.

#include "ssh/crypto/key_agreement.h"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "ssh/crypto/key_parameters.h"
#include "ssh/crypto/openssl.h"
#include "ssh/expects.h"

namespace caponier::ssh {

namespace {

constexpr std::size_t x25519_public_bytes = 32;

/// What differs between the curves.
struct CurveRow {
    KeyAgreementCurve curve;
    KeyType group;            ///< as KeyParameters names it; of no meaning for X25519
    int group_id;             ///< libcrypto's number of it
    std::size_t field_bytes;  ///< of a coordinate, and of the secret
    std::byte top_byte_mask;  ///< of a seed, which is to be about as long as the order
};

constexpr std::array curve_table{
    CurveRow{KeyAgreementCurve::x25519, {}, NID_X25519, 32, std::byte{0xff}},
    CurveRow{KeyAgreementCurve::nistp256,
             KeyType::ecdsa_nistp256,
             NID_X9_62_prime256v1,
             32,
             std::byte{0xff}},
    CurveRow{
        KeyAgreementCurve::nistp384, KeyType::ecdsa_nistp384, NID_secp384r1, 48, std::byte{0xff}},
    CurveRow{KeyAgreementCurve::nistp521, KeyType::ecdsa_nistp521, NID_secp521r1, 66, std::byte{1}},
};

const CurveRow& row_of(KeyAgreementCurve curve) noexcept {
    return *std::ranges::find(curve_table, curve, &CurveRow::curve);
}

using Group = std::unique_ptr<EC_GROUP, openssl::Deleter<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, openssl::Deleter<EC_POINT_free>>;

tl::unexpected<Error> failed() noexcept {
    return tl::unexpected{Error{ErrorCode::key_exchange_failed}};
}

/// The point of a private scalar; empty if the scalar is 0 or not below the order.
std::vector<std::byte> public_point(const CurveRow& curve, std::span<const std::byte> seed) {
    const Group group{EC_GROUP_new_by_curve_name(curve.group_id)};
    const openssl::NumberContext context{BN_CTX_secure_new()};
    const openssl::Number scalar{
        BN_bin2bn(openssl::raw(seed), static_cast<int>(seed.size()), nullptr)};
    expects(group != nullptr && context != nullptr && scalar != nullptr);
    if (BN_is_zero(scalar.get()) || BN_cmp(scalar.get(), EC_GROUP_get0_order(group.get())) >= 0) {
        return {};
    }
    BN_set_flags(scalar.get(), BN_FLG_CONSTTIME);
    const Point point{EC_POINT_new(group.get())};
    std::vector<std::byte> octets(1 + 2 * curve.field_bytes);
    if (point == nullptr ||
        EC_POINT_mul(group.get(), point.get(), scalar.get(), nullptr, nullptr, context.get()) !=
            1 ||
        EC_POINT_point2oct(group.get(),
                           point.get(),
                           POINT_CONVERSION_UNCOMPRESSED,
                           openssl::writable(octets),
                           octets.size(),
                           context.get()) != octets.size()) {
        return {};
    }
    return octets;
}

openssl::Key peer_key(const CurveRow& curve, std::span<const std::byte> value) {
    if (curve.curve == KeyAgreementCurve::x25519) {
        // RFC 8731 3: "Clients and servers MUST also abort if the length of the received public
        // keys are not the expected lengths."
        if (value.size() != x25519_public_bytes) {
            return nullptr;
        }
        return openssl::Key{EVP_PKEY_new_raw_public_key(
            EVP_PKEY_X25519, nullptr, openssl::raw(value), value.size())};
    }
    // Uncompressed points only; libcrypto refuses those that are not on the curve.
    constexpr std::byte uncompressed{4};
    if (value.size() != 1 + 2 * curve.field_bytes || value[0] != uncompressed) {
        return nullptr;
    }
    openssl::KeyParameters parameters;
    parameters.add_group(curve.group);
    parameters.add_octets(OSSL_PKEY_PARAM_PUB_KEY, value);
    return parameters.make_key("EC", EVP_PKEY_PUBLIC_KEY);
}

}  // namespace

void KeyAgreement::Deleter::operator()(evp_pkey_st* key) const noexcept {
    EVP_PKEY_free(key);
}

std::size_t key_agreement_seed_bytes(KeyAgreementCurve curve) noexcept {
    return row_of(curve).field_bytes;
}

Result<KeyAgreement> KeyAgreement::make(KeyAgreementCurve curve, std::span<const std::byte> seed) {
    const openssl::ErrorQueueGuard guard;
    const CurveRow& row = row_of(curve);
    expects(seed.size() == row.field_bytes);
    KeyAgreement made;
    made.curve_ = curve;
    if (curve == KeyAgreementCurve::x25519) {
        made.key_.reset(EVP_PKEY_new_raw_private_key(
            EVP_PKEY_X25519, nullptr, openssl::raw(seed), seed.size()));
        std::size_t size = x25519_public_bytes;
        made.public_value_.resize(size);
        if (made.key_ == nullptr ||
            EVP_PKEY_get_raw_public_key(
                made.key_.get(), openssl::writable(made.public_value_), &size) != 1) {
            return tl::unexpected{Error{ErrorCode::crypto_failure}};
        }
        return made;
    }
    SecretBytes scalar = SecretBytes::copy_of(seed);
    scalar.bytes()[0] &= row.top_byte_mask;
    made.public_value_ = public_point(row, scalar.bytes());
    if (made.public_value_.empty()) {
        return failed();
    }
    openssl::KeyParameters parameters;
    parameters.add_group(row.group);
    parameters.add_octets(OSSL_PKEY_PARAM_PUB_KEY, made.public_value_);
    parameters.add_number(OSSL_PKEY_PARAM_PRIV_KEY, scalar.bytes());
    made.key_.reset(parameters.make_key("EC", EVP_PKEY_KEYPAIR).release());
    if (made.key_ == nullptr) {
        return tl::unexpected{Error{ErrorCode::crypto_failure}};
    }
    return made;
}

Result<SecretBytes> KeyAgreement::shared_secret(std::span<const std::byte> peer) const {
    const openssl::ErrorQueueGuard guard;
    const openssl::Key peer_public = peer_key(row_of(curve_), peer);
    if (peer_public == nullptr) {
        return failed();
    }
    const openssl::KeyContext context{EVP_PKEY_CTX_new(key_.get(), nullptr)};
    SecretBytes secret{row_of(curve_).field_bytes};
    std::size_t size = secret.size();
    // libcrypto refuses an X25519 result of zeros by itself.
    if (context == nullptr || EVP_PKEY_derive_init(context.get()) != 1 ||
        EVP_PKEY_derive_set_peer(context.get(), peer_public.get()) != 1 ||
        EVP_PKEY_derive(context.get(), openssl::writable(secret.bytes()), &size) != 1 ||
        size != secret.size()) {
        return failed();
    }
    // RFC 8731 3: "implementations MUST check whether the computed Diffie-Hellman shared secret is
    // the all-zero value and abort if so". Asked again here, so that no version of libcrypto can
    // change it; in constant time, as it is a secret.
    const SecretBytes zeros{secret.size()};
    if (constant_time_equal(secret.bytes(), zeros.bytes())) {
        return failed();
    }
    return secret;
}

}  // namespace caponier::ssh
