// Private key files; see private_key.h. The text armour and OpenSSH's own format are read here; DER
// is libcrypto's, behind SigningKey.

#include "ssh/keys/private_key.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "ssh/crypto/secret_bytes.h"
#include "ssh/keys/base64.h"
#include "ssh/keys/text_lines.h"
#include "ssh/wire/wire_reader.h"

namespace caponier::ssh {

namespace {

/// PROTOCOL.key 1: "AUTH_MAGIC", with the zero that ends it.
constexpr std::string_view openssh_magic{"openssh-key-v1\0", 15};
/// PROTOCOL.key 3: the private list is padded to the cipher's block size, and to 8 without one.
constexpr std::size_t unencrypted_block_bytes = 8;

constexpr std::string_view armour_begin = "-----BEGIN ";
constexpr std::string_view armour_end = "-----END ";
constexpr std::string_view armour_tail = "-----";
constexpr std::string_view key_label = "PRIVATE KEY";

tl::unexpected<Error> malformed() noexcept {
    return tl::unexpected{Error{ErrorCode::malformed_key}};
}

tl::unexpected<Error> unsupported() noexcept {
    return tl::unexpected{Error{ErrorCode::unsupported_key}};
}

// ---- the text armour ---------------------------------------------------------------------------

/// What stands between the BEGIN and the END line.
struct Armour {
    std::string_view label;
    bool encrypted = false;
    SecretBytes body;
};

/// "-----BEGIN label-----", or empty if the line is not that.
std::optional<std::string_view> armour_label(std::string_view line,
                                             std::string_view begin) noexcept {
    line = trim(line);
    if (!line.starts_with(begin) || !line.ends_with(armour_tail) ||
        line.size() < begin.size() + armour_tail.size()) {
        return std::nullopt;
    }
    return line.substr(begin.size(), line.size() - begin.size() - armour_tail.size());
}

/// Text may stand in front of the key, as OpenSSL writes it.
std::optional<std::string_view> find_key_begin(TextLines& lines) noexcept {
    while (const std::optional<std::string_view> line = lines.next()) {
        const std::optional<std::string_view> label = armour_label(*line, armour_begin);
        if (label && label->ends_with(key_label)) {
            return label;
        }
    }
    return std::nullopt;
}

Result<Armour> read_armour(std::string_view text) {
    TextLines lines{text};
    const std::optional<std::string_view> label = find_key_begin(lines);
    if (!label) {
        return malformed();
    }
    Armour armour{.label = *label, .encrypted = false, .body = {}};
    SecretBytes base64{text.size()};
    std::size_t base64_bytes = 0;
    while (const std::optional<std::string_view> line = lines.next()) {
        if (armour_label(*line, armour_end) == armour.label) {
            armour.body = SecretBytes{decoded_base64_bytes_max(base64_bytes)};
            const std::optional<std::size_t> size =
                decode_base64(text_of(base64.bytes().first(base64_bytes)), armour.body.bytes());
            if (!size) {
                return malformed();
            }
            armour.body.shrink(*size);
            return armour;
        }
        // RFC 1421 4.6: headers such as "Proc-Type: 4,ENCRYPTED" and "DEK-Info: ...".
        if (line->find(':') != std::string_view::npos) {
            armour.encrypted |= line->starts_with("Proc-Type:") && line->ends_with("ENCRYPTED");
            continue;
        }
        const std::span<const std::byte> digits = bytes_of(trim(*line));
        std::ranges::copy(digits, base64.bytes().subspan(base64_bytes).begin());
        base64_bytes += digits.size();
    }
    return malformed();
}

// ---- OpenSSH's format --------------------------------------------------------------------------

/// string "ssh-ed25519" was read; string public, string private.
Result<SigningKey> read_ed25519(WireReader& in) {
    constexpr std::size_t half_bytes = 32;
    const std::span<const std::byte> public_half = in.string();
    const std::span<const std::byte> both_halves = in.string();
    // The private string is the seed followed by the public half once more.
    if (!in.ok() || public_half.size() != half_bytes || both_halves.size() != 2 * half_bytes ||
        !std::ranges::equal(both_halves.subspan(half_bytes), public_half)) {
        return malformed();
    }
    Result<SigningKey> key = SigningKey::from_ed25519_seed(both_halves.first(half_bytes));
    if (!key) {
        return key;
    }
    const Result<PublicKey> computed = parse_public_key(key->public_key());
    if (!computed || !std::ranges::equal(computed->point, public_half)) {
        return malformed();
    }
    return key;
}

/// string "ecdsa-sha2-..." was read; string curve, string Q, mpint d.
Result<SigningKey> read_ecdsa(WireReader& in, KeyType type) {
    const std::string_view curve = in.text();
    const std::span<const std::byte> point = in.string();
    const std::span<const std::byte> scalar = in.mpint();
    // The curve's name is the end of the key type's.
    if (!in.ok() || !curve.starts_with("nistp") || !key_type_name(type).ends_with(curve)) {
        return malformed();
    }
    return SigningKey::from_ecdsa(type, {.point = point, .scalar = scalar});
}

/// string "ssh-rsa" was read; mpint n, e, d, iqmp, p, q.
Result<SigningKey> read_rsa(WireReader& in) {
    SigningKey::RsaNumbers numbers;
    numbers.modulus = in.mpint();
    numbers.public_exponent = in.mpint();
    numbers.private_exponent = in.mpint();
    numbers.inverse_of_q = in.mpint();
    numbers.p = in.mpint();
    numbers.q = in.mpint();
    if (!in.ok()) {
        return malformed();
    }
    // Sizes first: arithmetic on numbers of any length would be an attack on our time.
    const std::vector<std::byte> blob = make_public_key_blob(
        {.type = KeyType::rsa, .exponent = numbers.public_exponent, .modulus = numbers.modulus});
    const Result<PublicKey> shape = parse_public_key(blob);
    if (!shape) {
        return tl::unexpected{shape.error()};
    }
    const std::size_t bytes = numbers.modulus.size();
    if (numbers.private_exponent.size() > bytes || numbers.inverse_of_q.size() > bytes ||
        numbers.p.size() > bytes || numbers.q.size() > bytes) {
        return malformed();
    }
    return SigningKey::from_rsa(numbers);
}

Result<SigningKey> read_key_fields(WireReader& in) {
    const std::string_view type = in.text();
    if (type == key_type_name(KeyType::ed25519)) {
        return read_ed25519(in);
    }
    if (type == key_type_name(KeyType::rsa)) {
        return read_rsa(in);
    }
    for (const KeyType ecdsa :
         {KeyType::ecdsa_nistp256, KeyType::ecdsa_nistp384, KeyType::ecdsa_nistp521}) {
        if (type == key_type_name(ecdsa)) {
            return read_ecdsa(in, ecdsa);
        }
    }
    if (!in.ok()) {
        return malformed();
    }
    return unsupported();
}

/// PROTOCOL.key 3: "1, 2, 3, ...".
bool is_padding(std::span<const std::byte> bytes) noexcept {
    std::uint8_t expected = 0;
    return bytes.size() < unencrypted_block_bytes &&
           std::ranges::all_of(bytes,
                               [&expected](std::byte b) { return b == std::byte{++expected}; });
}

/// PROTOCOL.key 3: the list of private keys, here with one key in it.
Result<PrivateKey> read_private_list(std::span<const std::byte> list,
                                     std::span<const std::byte> public_key) {
    if (list.size() % unencrypted_block_bytes != 0) {
        return malformed();
    }
    WireReader in{list};
    const std::uint32_t first_check = in.uint32();
    const std::uint32_t second_check = in.uint32();
    if (first_check != second_check) {
        return malformed();
    }
    Result<SigningKey> key = read_key_fields(in);
    if (!key) {
        return tl::unexpected{key.error()};
    }
    const std::string_view comment = in.text();
    if (!is_padding(in.rest()) || !in.complete()) {
        return malformed();
    }
    // What is told about the key outside is what it is inside.
    if (!std::ranges::equal(key->public_key(), public_key)) {
        return malformed();
    }
    return PrivateKey{.key = std::move(*key), .comment = std::string{comment}};
}

/// PROTOCOL.key 1.
Result<PrivateKey> parse_openssh_key(std::span<const std::byte> bytes) {
    WireReader in{bytes};
    if (text_of(in.fixed(openssh_magic.size())) != openssh_magic) {
        return malformed();
    }
    const std::string_view cipher = in.text();
    const std::string_view kdf = in.text();
    const std::span<const std::byte> kdf_options = in.string();
    const std::uint32_t key_count = in.uint32();
    const std::span<const std::byte> public_key = in.string();
    const std::span<const std::byte> private_list = in.string();
    if (!in.ok()) {
        return malformed();
    }
    if (cipher != "none") {
        return tl::unexpected{Error{ErrorCode::key_is_encrypted}};
    }
    if (!in.complete() || kdf != "none" || !kdf_options.empty()) {
        return malformed();
    }
    // The format could hold several; no version of OpenSSH reads or writes any number but one.
    if (key_count != 1) {
        return unsupported();
    }
    return read_private_list(private_list, public_key);
}

}  // namespace

Result<PrivateKey> parse_private_key(std::string_view text) {
    constexpr std::array<std::string_view, 3> der_labels{
        "RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"};
    if (text.size() > private_key_file_bytes_max) {
        return malformed();
    }
    const Result<Armour> armour = read_armour(text);
    if (!armour) {
        return tl::unexpected{armour.error()};
    }
    if (armour->label == "OPENSSH PRIVATE KEY") {
        return parse_openssh_key(armour->body.bytes());
    }
    if (armour->encrypted || armour->label == "ENCRYPTED PRIVATE KEY") {
        return tl::unexpected{Error{ErrorCode::key_is_encrypted}};
    }
    if (std::ranges::find(der_labels, armour->label) == der_labels.end()) {
        return unsupported();
    }
    Result<SigningKey> key = SigningKey::from_der(armour->body.bytes());
    if (!key) {
        return tl::unexpected{key.error()};
    }
    return PrivateKey{.key = std::move(*key), .comment = {}};
}

}  // namespace caponier::ssh
