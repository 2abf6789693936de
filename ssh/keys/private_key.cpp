// Private key files; see private_key.h. The text armour and OpenSSH's own format are read here; DER
// is libcrypto's, behind SigningKey.

#include "ssh/keys/private_key.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "ssh/crypto/bcrypt_pbkdf.h"
#include "ssh/crypto/key_file_cipher.h"
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
constexpr std::string_view openssh_label = "OPENSSH PRIVATE KEY";

tl::unexpected<Error> malformed() noexcept {
    return tl::unexpected{Error{ErrorCode::malformed_key}};
}

tl::unexpected<Error> unsupported() noexcept {
    return tl::unexpected{Error{ErrorCode::unsupported_key}};
}

tl::unexpected<Error> encrypted() noexcept {
    return tl::unexpected{Error{ErrorCode::key_is_encrypted}};
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
bool is_padding(std::span<const std::byte> bytes, std::size_t block_bytes) noexcept {
    std::uint8_t expected = 0;
    return bytes.size() < block_bytes && std::ranges::all_of(bytes, [&expected](std::byte b) {
               return b == std::byte{++expected};
           });
}

/// PROTOCOL.key 3: "Before the key is encrypted, a random integer is assigned to both checkint
/// fields so successful decryption can be quickly checked".
bool has_matching_checks(std::span<const std::byte> list) noexcept {
    WireReader in{list};
    const std::uint32_t first = in.uint32();
    const std::uint32_t second = in.uint32();
    return in.ok() && first == second;
}

/// PROTOCOL.key 3: the list of private keys, here with one key in it.
Result<PrivateKey> read_private_list(std::span<const std::byte> list,
                                     std::span<const std::byte> public_key,
                                     std::size_t block_bytes) {
    if (list.size() % block_bytes != 0 || !has_matching_checks(list)) {
        return malformed();
    }
    WireReader in{list};
    in.uint64();  // the checks
    Result<SigningKey> key = read_key_fields(in);
    if (!key) {
        return tl::unexpected{key.error()};
    }
    const std::string_view comment = in.text();
    if (!is_padding(in.rest(), block_bytes) || !in.complete()) {
        return malformed();
    }
    // What is told about the key outside is what it is inside.
    if (!std::ranges::equal(key->public_key(), public_key)) {
        return malformed();
    }
    return PrivateKey{.key = std::move(*key), .comment = std::string{comment}};
}

/// PROTOCOL.key 1, before anything is decrypted; views.
struct Envelope {
    std::string_view cipher;
    std::string_view kdf;
    std::span<const std::byte> kdf_options;
    std::span<const std::byte> public_key;
    std::span<const std::byte> private_list;
    std::span<const std::byte> tag;     ///< behind the list
    std::span<const std::byte> sealed;  ///< the list and the tag
};

Result<Envelope> read_envelope(std::span<const std::byte> bytes) {
    WireReader in{bytes};
    if (text_of(in.fixed(openssh_magic.size())) != openssh_magic) {
        return malformed();
    }
    Envelope envelope;
    envelope.cipher = in.text();
    envelope.kdf = in.text();
    envelope.kdf_options = in.string();
    const std::uint32_t key_count = in.uint32();
    envelope.public_key = in.string();
    envelope.private_list = in.string();
    envelope.tag = in.rest();
    envelope.sealed = bytes.last(envelope.private_list.size() + envelope.tag.size());
    if (!in.complete()) {
        return malformed();
    }
    // The format could hold several; no version of OpenSSH reads or writes any number but one.
    if (key_count != 1) {
        return unsupported();
    }
    return envelope;
}

/// PROTOCOL.key 2: "bcrypt" with its salt and rounds.
Result<SecretBytes> derive_key(const Envelope& envelope,
                               const KeyFileCipher& cipher,
                               std::span<const std::byte> passphrase) {
    if (envelope.kdf != "bcrypt") {
        return unsupported();
    }
    WireReader in{envelope.kdf_options};
    BcryptParameters parameters;
    parameters.salt = in.string();
    parameters.rounds = in.uint32();
    if (!in.complete()) {
        return malformed();
    }
    return bcrypt_pbkdf(passphrase, parameters, cipher.key_bytes + cipher.iv_bytes);
}

Result<PrivateKey> open_private_list(const Envelope& envelope,
                                     std::span<const std::byte> passphrase) {
    const KeyFileCipher* const cipher = key_file_cipher(envelope.cipher);
    if (cipher == nullptr) {
        return unsupported();
    }
    if (envelope.private_list.size() % cipher->block_bytes != 0 || envelope.private_list.empty() ||
        envelope.tag.size() != cipher->tag_bytes) {
        return malformed();
    }
    if (passphrase.empty()) {
        return encrypted();
    }
    const Result<SecretBytes> key = derive_key(envelope, *cipher, passphrase);
    if (!key) {
        return tl::unexpected{key.error()};
    }
    const Result<SecretBytes> list = decrypt_key_file(*cipher, key->bytes(), envelope.sealed);
    if (!list || !has_matching_checks(list->bytes())) {
        return encrypted();
    }
    return read_private_list(list->bytes(), envelope.public_key, cipher->block_bytes);
}

Result<PrivateKey> parse_openssh_key(std::span<const std::byte> bytes,
                                     std::span<const std::byte> passphrase) {
    const Result<Envelope> envelope = read_envelope(bytes);
    if (!envelope) {
        return tl::unexpected{envelope.error()};
    }
    if (envelope->cipher != "none") {
        return open_private_list(*envelope, passphrase);
    }
    if (envelope->kdf != "none" || !envelope->kdf_options.empty() || !envelope->tag.empty()) {
        return malformed();
    }
    return read_private_list(envelope->private_list, envelope->public_key, unencrypted_block_bytes);
}

/// PKCS#1, SEC1 and PKCS#8, as OpenSSL writes them.
Result<SigningKey> parse_pem_key(std::string_view text,
                                 const Armour& armour,
                                 std::span<const std::byte> passphrase) {
    constexpr std::array<std::string_view, 3> der_labels{
        "RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"};
    const bool is_encrypted_pkcs8 = armour.label == "ENCRYPTED PRIVATE KEY";
    if ((armour.encrypted || is_encrypted_pkcs8) && passphrase.empty()) {
        return encrypted();
    }
    if (is_encrypted_pkcs8) {
        return SigningKey::from_encrypted_pkcs8(armour.body.bytes(), passphrase);
    }
    if (std::ranges::find(der_labels, armour.label) == der_labels.end()) {
        return unsupported();
    }
    return armour.encrypted ? SigningKey::from_encrypted_pem(bytes_of(text), passphrase)
                            : SigningKey::from_der(armour.body.bytes());
}

}  // namespace

Result<PrivateKey> parse_private_key(std::string_view text, std::span<const std::byte> passphrase) {
    if (text.size() > private_key_file_bytes_max) {
        return malformed();
    }
    const Result<Armour> armour = read_armour(text);
    if (!armour) {
        return tl::unexpected{armour.error()};
    }
    if (armour->label == openssh_label) {
        return parse_openssh_key(armour->body.bytes(), passphrase);
    }
    Result<SigningKey> key = parse_pem_key(text, *armour, passphrase);
    if (!key) {
        return tl::unexpected{key.error()};
    }
    return PrivateKey{.key = std::move(*key), .comment = {}};
}

std::optional<std::vector<std::byte>> told_public_key(std::string_view text) {
    if (text.size() > private_key_file_bytes_max) {
        return std::nullopt;
    }
    const Result<Armour> armour = read_armour(text);
    if (!armour || armour->label != openssh_label) {
        return std::nullopt;
    }
    const Result<Envelope> envelope = read_envelope(armour->body.bytes());
    if (!envelope || blob_type_name(envelope->public_key).empty()) {
        return std::nullopt;
    }
    return std::vector<std::byte>{envelope->public_key.begin(), envelope->public_key.end()};
}

}  // namespace caponier::ssh
