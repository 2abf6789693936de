// The blob of a public key and what is told about it; see public_key.h. The text formats are in
// public_key_text.cpp.

#include "ssh/keys/public_key.h"

#include <algorithm>
#include <array>
#include <bit>

#include "ssh/crypto/hash.h"
#include "ssh/keys/base64.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

constexpr std::size_t ed25519_key_bytes = 32;
/// Above this, verifying would cost whoever is attacked; nobody uses exponents above 2^32.
constexpr std::size_t rsa_exponent_bytes_max = 8;
/// SEC 1 2.3.3: the first octet of a point that is not compressed.
constexpr std::byte uncompressed{4};

struct KeyTypeRow {
    KeyType type;
    std::string_view name;
    std::string_view label;
    std::string_view curve;        ///< empty unless ecdsa
    std::size_t coordinate_bytes;  ///< 0 unless ecdsa
    std::size_t bits;              ///< 0 for rsa, where it varies
};

constexpr std::array key_types{
    KeyTypeRow{KeyType::ed25519, "ssh-ed25519", "ED25519", "", 0, 256},
    KeyTypeRow{KeyType::ecdsa_nistp256, "ecdsa-sha2-nistp256", "ECDSA", "nistp256", 32, 256},
    KeyTypeRow{KeyType::ecdsa_nistp384, "ecdsa-sha2-nistp384", "ECDSA", "nistp384", 48, 384},
    KeyTypeRow{KeyType::ecdsa_nistp521, "ecdsa-sha2-nistp521", "ECDSA", "nistp521", 66, 521},
    KeyTypeRow{KeyType::rsa, "ssh-rsa", "RSA", "", 0, 0},
    KeyTypeRow{KeyType::sk_ed25519, "sk-ssh-ed25519@openssh.com", "ED25519-SK", "", 0, 256},
    KeyTypeRow{KeyType::sk_ecdsa_nistp256,
               "sk-ecdsa-sha2-nistp256@openssh.com",
               "ECDSA-SK",
               "nistp256",
               32,
               256},
};

/// What RSA keys sign with. The keys themselves "are still [...] 'ssh-rsa'" (RFC 8332 3).
constexpr std::array<std::string_view, 2> rsa_signatures{"rsa-sha2-512", "rsa-sha2-256"};

bool is_rsa_signature(std::string_view name) noexcept {
    return std::ranges::find(rsa_signatures, name) != rsa_signatures.end();
}

/// Null for a name that is not spoken. sshkey.c, sshkey_type_from_name(), reads the names of
/// signatures as the type of the key as well.
const KeyTypeRow* row_named(std::string_view name) noexcept {
    const auto row = std::ranges::find_if(key_types, [name](const KeyTypeRow& each) {
        return each.name == name || (each.type == KeyType::rsa && is_rsa_signature(name));
    });
    return row == key_types.end() ? nullptr : &*row;
}

const KeyTypeRow& row_of(KeyType type) noexcept {
    return *std::ranges::find(key_types, type, &KeyTypeRow::type);
}

tl::unexpected<Error> malformed() noexcept {
    return tl::unexpected{Error{ErrorCode::malformed_key}};
}

/// PROTOCOL.u2f: the keys of security keys are plain keys with "string application" behind them.
std::string_view read_application(WireReader& in, KeyType type) noexcept {
    return is_security_key(type) ? in.text() : std::string_view{};
}

/// RFC 8709 4: string "ssh-ed25519", string key.
Result<PublicKey> parse_ed25519(WireReader& in, const KeyTypeRow& row) noexcept {
    PublicKey key{.type = row.type, .bits = row.bits, .point = in.string()};
    key.application = read_application(in, row.type);
    if (!in.complete() || key.point.size() != ed25519_key_bytes) {
        return malformed();
    }
    return key;
}

/// RFC 5656 3.1: string "ecdsa-sha2-[identifier]", string identifier, string Q.
Result<PublicKey> parse_ecdsa(WireReader& in, const KeyTypeRow& row) noexcept {
    const std::string_view curve = in.text();
    PublicKey key{.type = row.type, .bits = row.bits, .point = in.string()};
    key.application = read_application(in, row.type);
    // RFC 5656 3.1: the identifier of the name and that of the curve are the same thing twice.
    if (!in.complete() || curve != row.curve) {
        return malformed();
    }
    if (key.point.size() != 1 + 2 * row.coordinate_bytes || key.point[0] != uncompressed) {
        return malformed();
    }
    return key;
}

/// RFC 4253 6.6: string "ssh-rsa", mpint e, mpint n.
Result<PublicKey> parse_rsa(WireReader& in, const KeyTypeRow& row) noexcept {
    const std::span<const std::byte> exponent = in.mpint();
    const std::span<const std::byte> modulus = in.mpint();
    if (!in.complete() || exponent.empty() || modulus.empty()) {
        return malformed();
    }
    const auto top = static_cast<unsigned>(std::to_integer<unsigned char>(modulus[0]));
    const std::size_t bits =
        (modulus.size() - 1) * 8 + static_cast<std::size_t>(std::bit_width(top));
    if (bits < rsa_bits_min || bits > rsa_bits_max || exponent.size() > rsa_exponent_bytes_max) {
        return tl::unexpected{Error{ErrorCode::unsupported_key}};
    }
    const auto is_odd = [](std::span<const std::byte> number) {
        return (number.back() & std::byte{1}) != std::byte{0};
    };
    // An even or trivial exponent, or an even modulus, makes no RSA key.
    const bool trivial = exponent.size() == 1 && exponent[0] < std::byte{3};
    if (!is_odd(exponent) || !is_odd(modulus) || trivial) {
        return malformed();
    }
    return PublicKey{.type = row.type, .bits = bits, .exponent = exponent, .modulus = modulus};
}

}  // namespace

std::string_view key_type_name(KeyType type) noexcept {
    return row_of(type).name;
}

std::string_view key_type_label(KeyType type) noexcept {
    return row_of(type).label;
}

Result<PublicKey> parse_public_key(std::span<const std::byte> blob) noexcept {
    WireReader in{blob};
    const std::string_view name = in.text();
    if (!in.ok() || !is_valid_name(name)) {
        return malformed();
    }
    const KeyTypeRow* const row = row_named(name);
    if (row == nullptr) {
        return tl::unexpected{Error{ErrorCode::unsupported_key}};
    }
    switch (row->type) {
    case KeyType::ed25519:
    case KeyType::sk_ed25519:
        return parse_ed25519(in, *row);
    case KeyType::rsa:
        return parse_rsa(in, *row);
    case KeyType::ecdsa_nistp256:
    case KeyType::ecdsa_nistp384:
    case KeyType::ecdsa_nistp521:
    case KeyType::sk_ecdsa_nistp256:
        return parse_ecdsa(in, *row);
    }
    return malformed();
}

std::string_view blob_type_name(std::span<const std::byte> blob) noexcept {
    WireReader in{blob};
    const std::string_view name = in.text();
    return in.ok() && is_valid_name(name) ? name : std::string_view{};
}

std::vector<std::byte> make_public_key_blob(const PublicKey& key) {
    const KeyTypeRow& row = row_of(key.type);
    std::vector<std::byte> blob;
    WireWriter out{blob};
    out.text(row.name);
    if (key.type == KeyType::rsa) {
        out.mpint(key.exponent);
        out.mpint(key.modulus);
        return blob;
    }
    if (!row.curve.empty()) {
        out.text(row.curve);
    }
    out.string(key.point);
    if (is_security_key(key.type)) {
        out.text(key.application);
    }
    return blob;
}

std::vector<std::byte> blob_under_own_name(std::span<const std::byte> blob) {
    if (is_rsa_signature(blob_type_name(blob))) {
        if (const Result<PublicKey> key = parse_public_key(blob)) {
            return make_public_key_blob(*key);
        }
    }
    return {blob.begin(), blob.end()};
}

std::string fingerprint(std::span<const std::byte> blob) {
    std::string digest =
        encode_base64(hash(HashAlgorithm::sha256, blob_under_own_name(blob)).bytes());
    // OpenSSH leaves the padding out.
    digest.resize(digest.find('='));
    return "SHA256:" + digest;
}

}  // namespace caponier::ssh
