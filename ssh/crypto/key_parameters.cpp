// Keys from numbers; see key_parameters.h.

#include "ssh/crypto/key_parameters.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <openssl/core_names.h>

#include "ssh/expects.h"
#include "ssh/wire/bytes.h"

namespace caponier::ssh::openssl {

namespace {

/// libcrypto's names of the NIST curves.
std::string_view group_name(KeyType curve) noexcept {
    switch (curve) {
    case KeyType::ecdsa_nistp384:
        return "P-384";
    case KeyType::ecdsa_nistp521:
        return "P-521";
    default:
        return "P-256";
    }
}

}  // namespace

void KeyParameters::add_number(const char* name, std::span<const std::byte> big_endian) {
    const Number number{BN_bin2bn(raw(big_endian), static_cast<int>(big_endian.size()), nullptr)};
    expects(number != nullptr);
    add_number(name, *number);
}

void KeyParameters::add_number(const char* name, const BIGNUM& number) {
    // One byte at least: libcrypto does not take an empty number.
    SecretBytes value{static_cast<std::size_t>(BN_num_bytes(&number)) + 1};
    expects(BN_bn2nativepad(&number, writable(value.bytes()), static_cast<int>(value.size())) >= 0);
    parameters_.push_back(OSSL_PARAM_construct_BN(name, writable(value.bytes()), value.size()));
    values_.push_back(std::move(value));
}

void KeyParameters::add_octets(const char* name, std::span<const std::byte> octets) {
    SecretBytes value = SecretBytes::copy_of(octets);
    parameters_.push_back(
        OSSL_PARAM_construct_octet_string(name, writable(value.bytes()), value.size()));
    values_.push_back(std::move(value));
}

void KeyParameters::add_group(KeyType curve) {
    // libcrypto compares it as a C string, so the zero behind it is part of the value.
    const std::string_view group = group_name(curve);
    SecretBytes value{group.size() + 1};
    std::ranges::copy(bytes_of(group), value.bytes().begin());
    parameters_.push_back(OSSL_PARAM_construct_utf8_string(
        OSSL_PKEY_PARAM_GROUP_NAME, reinterpret_cast<char*>(value.bytes().data()), group.size()));
    values_.push_back(std::move(value));
}

Key KeyParameters::make_key(const char* algorithm, int selection) {
    parameters_.push_back(OSSL_PARAM_construct_end());
    const KeyContext context{EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr)};
    EVP_PKEY* key = nullptr;
    if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, selection, parameters_.data()) != 1) {
        return nullptr;
    }
    return Key{key};
}

}  // namespace caponier::ssh::openssl
