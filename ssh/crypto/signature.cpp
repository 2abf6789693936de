// Signing and verifying through libcrypto; see signature.h. What is SSH's own is here: names, the
// fields around a signature, and which algorithm fits which key. The mathematics is libcrypto's.

#include "ssh/crypto/signature.h"

#include <algorithm>
#include <array>
#include <optional>

#include <openssl/core_names.h>

#include "ssh/crypto/hash.h"
#include "ssh/crypto/key_parameters.h"
#include "ssh/crypto/openssl.h"
#include "ssh/wire/bytes.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

constexpr std::size_t ed25519_signature_bytes = 64;
/// The coordinates of P-521 take 66 bytes, and so do r and s.
constexpr std::size_t ecdsa_number_bytes_max = 66;
/// Two such numbers and the headers of a DER sequence.
constexpr std::size_t ecdsa_der_bytes_max = 2 * (ecdsa_number_bytes_max + 4) + 4;

struct SignatureAlgorithm {
    std::string_view name;
    KeyType key_type;
    const char* digest;  ///< libcrypto's name; null for Ed25519, which hashes by itself
    bool verifies;       ///< false: only for signing
};

constexpr std::array algorithms{
    SignatureAlgorithm{"ssh-ed25519", KeyType::ed25519, nullptr, true},
    SignatureAlgorithm{"ecdsa-sha2-nistp256", KeyType::ecdsa_nistp256, "SHA2-256", true},
    SignatureAlgorithm{"ecdsa-sha2-nistp384", KeyType::ecdsa_nistp384, "SHA2-384", true},
    SignatureAlgorithm{"ecdsa-sha2-nistp521", KeyType::ecdsa_nistp521, "SHA2-512", true},
    SignatureAlgorithm{"rsa-sha2-512", KeyType::rsa, "SHA2-512", true},
    SignatureAlgorithm{"rsa-sha2-256", KeyType::rsa, "SHA2-256", true},
    SignatureAlgorithm{"ssh-rsa", KeyType::rsa, "SHA1", false},
    SignatureAlgorithm{"sk-ssh-ed25519@openssh.com", KeyType::sk_ed25519, nullptr, true},
    SignatureAlgorithm{
        "sk-ecdsa-sha2-nistp256@openssh.com", KeyType::sk_ecdsa_nistp256, "SHA2-256", true},
};

const SignatureAlgorithm* find_algorithm(std::string_view name) noexcept {
    const auto found = std::ranges::find(algorithms, name, &SignatureAlgorithm::name);
    return found == algorithms.end() ? nullptr : &*found;
}

openssl::Key public_half(const PublicKey& key) {
    if (key.type == KeyType::ed25519 || key.type == KeyType::sk_ed25519) {
        return openssl::Key{EVP_PKEY_new_raw_public_key(
            EVP_PKEY_ED25519, nullptr, openssl::raw(key.point), key.point.size())};
    }
    openssl::KeyParameters parameters;
    if (key.type == KeyType::rsa) {
        parameters.add_number(OSSL_PKEY_PARAM_RSA_N, key.modulus);
        parameters.add_number(OSSL_PKEY_PARAM_RSA_E, key.exponent);
        return parameters.make_key("RSA", EVP_PKEY_PUBLIC_KEY);
    }
    parameters.add_group(key.type);
    parameters.add_octets(OSSL_PKEY_PARAM_PUB_KEY, key.point);
    return parameters.make_key("EC", EVP_PKEY_PUBLIC_KEY);
}

/// RFC 5656 3.1.2: "mpint r, mpint s", as the DER sequence that libcrypto wants. Empty if the
/// fields do not fit.
std::vector<std::byte> der_of_ecdsa_fields(std::span<const std::byte> fields) {
    WireReader in{fields};
    const std::span<const std::byte> r = in.mpint();
    const std::span<const std::byte> s = in.mpint();
    if (!in.complete() || r.size() > ecdsa_number_bytes_max || s.size() > ecdsa_number_bytes_max) {
        return {};
    }
    const openssl::EcdsaSignature signature{ECDSA_SIG_new()};
    openssl::Number r_number{BN_bin2bn(openssl::raw(r), static_cast<int>(r.size()), nullptr)};
    openssl::Number s_number{BN_bin2bn(openssl::raw(s), static_cast<int>(s.size()), nullptr)};
    if (signature == nullptr || r_number == nullptr || s_number == nullptr ||
        ECDSA_SIG_set0(signature.get(), r_number.get(), s_number.get()) != 1) {
        return {};
    }
    // They belong to the signature now.
    static_cast<void>(r_number.release());
    static_cast<void>(s_number.release());
    std::array<std::byte, ecdsa_der_bytes_max> der{};
    unsigned char* end = openssl::writable(der);
    const int der_bytes = i2d_ECDSA_SIG(signature.get(), &end);
    if (der_bytes <= 0) {
        return {};
    }
    return {der.begin(), der.begin() + der_bytes};
}

/// RFC 8017 8.2.2 wants exactly the modulus' length. Signers that drop leading zeros exist, and
/// OpenSSH fills them up as well; a longer signature is refused.
std::vector<std::byte> padded_rsa_signature(std::span<const std::byte> signature,
                                            std::size_t modulus_bytes) {
    if (signature.empty() || signature.size() > modulus_bytes) {
        return {};
    }
    std::vector<std::byte> padded(modulus_bytes - signature.size());
    padded.insert(padded.end(), signature.begin(), signature.end());
    return padded;
}

/// The signature as libcrypto takes it; empty if its fields do not fit the key.
std::vector<std::byte> library_signature(const PublicKey& key, std::span<const std::byte> fields) {
    switch (key.type) {
    case KeyType::ed25519:
    case KeyType::sk_ed25519:
        // RFC 8709 6: "the 64-octet signature".
        if (fields.size() != ed25519_signature_bytes) {
            return {};
        }
        return {fields.begin(), fields.end()};
    case KeyType::rsa:
        return padded_rsa_signature(fields, key.modulus.size());
    case KeyType::ecdsa_nistp256:
    case KeyType::ecdsa_nistp384:
    case KeyType::ecdsa_nistp521:
    case KeyType::sk_ecdsa_nistp256:
        return der_of_ecdsa_fields(fields);
    }
    return {};
}

/// What a security key says behind its signature.
struct SecurityKeyFields {
    std::uint8_t flags = 0;
    std::uint32_t counter = 0;

    [[nodiscard]] bool user_is_present() const noexcept {
        constexpr std::uint8_t user_presence = 0x01;
        return (flags & user_presence) != 0;
    }
};

/// PROTOCOL.u2f, SSH U2F signatures: "SHA256(application), byte flags, uint32 counter, [...]
/// SHA256(message)" is what a security key signs.
std::vector<std::byte> signed_by_security_key(std::string_view application,
                                              const SecurityKeyFields& fields,
                                              std::span<const std::byte> message) {
    std::vector<std::byte> bytes;
    WireWriter out{bytes};
    out.fixed(hash(HashAlgorithm::sha256, bytes_of(application)).bytes());
    out.byte(fields.flags);
    out.uint32(fields.counter);
    out.fixed(hash(HashAlgorithm::sha256, message).bytes());
    return bytes;
}

/// The mpints of RFC 5656 3.1.2 from the DER sequence that libcrypto made.
std::optional<std::vector<std::byte>> ecdsa_fields_of_der(std::span<const std::byte> der) {
    const unsigned char* begin = openssl::raw(der);
    const openssl::EcdsaSignature signature{
        d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(der.size()))};
    if (signature == nullptr) {
        return std::nullopt;
    }
    std::vector<std::byte> fields;
    WireWriter out{fields};
    for (const BIGNUM* number :
         {ECDSA_SIG_get0_r(signature.get()), ECDSA_SIG_get0_s(signature.get())}) {
        std::array<std::byte, ecdsa_number_bytes_max> magnitude{};
        if (BN_bn2binpad(number, openssl::writable(magnitude), static_cast<int>(magnitude.size())) <
            0) {
            return std::nullopt;
        }
        out.mpint(magnitude);
    }
    return fields;
}

/// The signature as libcrypto makes it; empty if it cannot.
std::vector<std::byte> library_sign(const SigningKey& key,
                                    const char* digest,
                                    std::span<const std::byte> data) {
    const openssl::DigestContext context{EVP_MD_CTX_new()};
    std::size_t size = 0;
    if (context == nullptr ||
        EVP_DigestSignInit_ex(
            context.get(), nullptr, digest, nullptr, nullptr, key.libcrypto_key(), nullptr) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, openssl::raw(data), data.size()) != 1) {
        return {};
    }
    std::vector<std::byte> signature(size);
    if (EVP_DigestSign(
            context.get(), openssl::writable(signature), &size, openssl::raw(data), data.size()) !=
        1) {
        return {};
    }
    signature.resize(size);
    return signature;
}

}  // namespace

Verification verify(const SignatureCheck& check) noexcept {
    const openssl::ErrorQueueGuard guard;
    const SignatureAlgorithm* algorithm = find_algorithm(check.algorithm);
    if (algorithm == nullptr || !algorithm->verifies) {
        return Verification::unknown_algorithm;
    }
    const Result<PublicKey> key = parse_public_key(check.key);
    if (!key) {
        return Verification::malformed_key;
    }
    // A key of another type, or of another curve of the same type, is never tried.
    if (key->type != algorithm->key_type) {
        return Verification::wrong_key_type;
    }
    // RFC 4253 6.6: "string signature format identifier", and one string in the formats of RFCs;
    // PROTOCOL.u2f has "byte flags, uint32 counter" behind it.
    WireReader in{check.signature};
    const std::string_view name = in.text();
    const std::span<const std::byte> fields = in.string();
    SecurityKeyFields touch;
    if (is_security_key(key->type)) {
        touch = {.flags = in.byte(), .counter = in.uint32()};
    }
    if (!in.complete()) {
        return Verification::malformed_signature;
    }
    // RFC 8332 3: the signature names the algorithm even though the RSA key says "ssh-rsa".
    if (name != algorithm->name) {
        return Verification::wrong_algorithm;
    }
    const std::vector<std::byte> signature = library_signature(*key, fields);
    if (signature.empty()) {
        return Verification::malformed_signature;
    }
    const openssl::Key public_key = public_half(*key);
    if (public_key == nullptr) {
        return Verification::malformed_key;
    }
    const openssl::DigestContext context{EVP_MD_CTX_new()};
    if (context == nullptr || EVP_DigestVerifyInit_ex(context.get(),
                                                      nullptr,
                                                      algorithm->digest,
                                                      nullptr,
                                                      nullptr,
                                                      public_key.get(),
                                                      nullptr) != 1) {
        return Verification::malformed_key;
    }
    std::vector<std::byte> around;
    if (is_security_key(key->type)) {
        around = signed_by_security_key(key->application, touch, check.data);
    }
    const std::span<const std::byte> data = around.empty() ? check.data : around;
    const int verified = EVP_DigestVerify(
        context.get(), openssl::raw(signature), signature.size(), openssl::raw(data), data.size());
    if (verified != 1) {
        return Verification::wrong_signature;
    }
    const bool touched = !is_security_key(key->type) || touch.user_is_present();
    return check.wants_user && !touched ? Verification::user_not_present : Verification::valid;
}

Result<std::vector<std::byte>> sign(const SigningKey& key,
                                    std::string_view algorithm_name,
                                    std::span<const std::byte> data) {
    const openssl::ErrorQueueGuard guard;
    const SignatureAlgorithm* algorithm = find_algorithm(algorithm_name);
    if (algorithm == nullptr || algorithm->key_type != key.type()) {
        return tl::unexpected{Error{ErrorCode::unsupported_key}};
    }
    std::vector<std::byte> fields = library_sign(key, algorithm->digest, data);
    if (!fields.empty() && key.type() != KeyType::ed25519 && key.type() != KeyType::rsa) {
        fields = ecdsa_fields_of_der(fields).value_or(std::vector<std::byte>{});
    }
    if (fields.empty()) {
        return tl::unexpected{Error{ErrorCode::crypto_failure}};
    }
    std::vector<std::byte> signature;
    WireWriter out{signature};
    out.text(algorithm->name);
    out.string(fields);
    return signature;
}

std::span<const std::string_view> signature_algorithms(KeyType type) noexcept {
    static constexpr std::array<std::string_view, 1> ed25519{"ssh-ed25519"};
    static constexpr std::array<std::string_view, 1> nistp256{"ecdsa-sha2-nistp256"};
    static constexpr std::array<std::string_view, 1> nistp384{"ecdsa-sha2-nistp384"};
    static constexpr std::array<std::string_view, 1> nistp521{"ecdsa-sha2-nistp521"};
    static constexpr std::array<std::string_view, 1> sk_ed25519{"sk-ssh-ed25519@openssh.com"};
    static constexpr std::array<std::string_view, 1> sk_nistp256{
        "sk-ecdsa-sha2-nistp256@openssh.com"};
    static constexpr std::array<std::string_view, 2> rsa{"rsa-sha2-512", "rsa-sha2-256"};
    switch (type) {
    case KeyType::ed25519:
        return ed25519;
    case KeyType::ecdsa_nistp256:
        return nistp256;
    case KeyType::ecdsa_nistp384:
        return nistp384;
    case KeyType::ecdsa_nistp521:
        return nistp521;
    case KeyType::rsa:
        return rsa;
    case KeyType::sk_ed25519:
        return sk_ed25519;
    case KeyType::sk_ecdsa_nistp256:
        return sk_nistp256;
    }
    return {};
}

}  // namespace caponier::ssh
