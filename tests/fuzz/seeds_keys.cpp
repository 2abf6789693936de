// Seeds of the targets that parse keys: the files and answers of the unit tests, and variations.

#include <array>
#include <utility>

#include "ssh/crypto/key_file_cipher.h"
#include "ssh/keys/base64.h"
#include "ssh/keys/known_hosts.h"
#include "ssh/keys/public_key.h"
#include "ssh/wire/bytes.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"
#include "tests/fuzz/seeds.h"
#include "tests/sim/pair.h"
#include "tests/unit/ssh/encrypted_test_keys.h"
#include "tests/unit/ssh/test_certificates.h"
#include "tests/unit/ssh/test_keys.h"

namespace caponier::fuzz {

namespace {

namespace keys = ssh::test_keys;
namespace certificates = ssh::test_certificates;
using Bytes = std::vector<std::byte>;

Bytes behind(std::initializer_list<std::uint8_t> numbers, std::span<const std::byte> bytes) {
    Bytes input;
    for (const std::uint8_t number : numbers) {
        input.push_back(std::byte{number});
    }
    input.insert(input.end(), bytes.begin(), bytes.end());
    return input;
}

Bytes behind(std::initializer_list<std::uint8_t> numbers, std::string_view text) {
    return behind(numbers, ssh::bytes_of(text));
}

Bytes blob_of(std::string_view public_line) {
    const ssh::Result<ssh::PublicKeyText> text = ssh::parse_public_key_line(public_line);
    return text ? text->blob : Bytes{};
}

/// What stands inside of an armour.
Bytes bare(std::string_view text) {
    std::string code;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(at, end - at);
        if (!line.starts_with("-----") && line.find(':') == std::string_view::npos) {
            code += line;
        }
        at = end + 1;
    }
    Bytes bytes(ssh::decoded_base64_bytes_max(code.size()));
    const auto size = ssh::decode_base64(code, bytes);
    bytes.resize(size ? *size : 0);
    return bytes;
}

/// The same key, in the form that a passphrase opens where null_bcrypt.cpp makes its key.
Bytes encrypted_openssh(std::span<const std::byte> plain) {
    constexpr std::size_t magic_bytes = 15;
    const ssh::KeyFileCipher* const cipher = ssh::key_file_cipher("aes256-ctr");
    ssh::WireReader in{plain.subspan(magic_bytes)};
    in.string();  // cipher
    in.string();  // kdf
    in.string();  // its options
    in.uint32();
    const std::span<const std::byte> public_key = in.string();
    const std::span<const std::byte> list = in.string();
    Bytes padded(list.begin(), list.end());
    // PROTOCOL.key 3: the padding counts from 1; up to 8 bytes of it are there already.
    std::uint8_t padding = std::to_integer<std::uint8_t>(padded.back());
    padding = padding < 8 ? padding : std::uint8_t{0};
    while (padded.size() % cipher->block_bytes != 0) {
        padded.push_back(std::byte{++padding});
    }
    const Bytes key(cipher->key_bytes + cipher->iv_bytes, std::byte{'k'});
    // In counter mode to decrypt is to encrypt.
    const ssh::Result<ssh::SecretBytes> sealed = ssh::decrypt_key_file(*cipher, key, padded);
    Bytes options;
    ssh::WireWriter option{options};
    option.text("saltsalt");
    option.uint32(16);
    Bytes file(plain.begin(), plain.begin() + magic_bytes);
    ssh::WireWriter out{file};
    out.text("aes256-ctr");
    out.text("bcrypt");
    out.string(options);
    out.uint32(1);
    out.string(public_key);
    out.string(sealed ? sealed->bytes() : std::span<const std::byte>{});
    return file;
}

struct Named {
    std::string_view name;
    std::string_view text;
};

constexpr std::array public_keys{Named{"ed25519", keys::ed25519_public},
                                 Named{"nistp256", keys::ecdsa_nistp256_public},
                                 Named{"nistp384", keys::ecdsa_nistp384_public},
                                 Named{"nistp521", keys::ecdsa_nistp521_public},
                                 Named{"rsa", keys::rsa_public}};

std::string seed_name(std::string_view what, std::string_view name) {
    return std::string{what} + "_" + std::string{name};
}

}  // namespace

std::vector<Seed> public_key_seeds() {
    std::vector<Seed> seeds;
    std::uint8_t algorithm = 0;
    for (const Named& key : public_keys) {
        const Bytes blob = blob_of(key.text);
        seeds.push_back({seed_name("blob", key.name), behind({0}, blob)});
        seeds.push_back({seed_name("line", key.name), behind({1}, key.text)});
        Bytes signature = behind({4, algorithm++, 0, 0}, blob);
        signature[2] = static_cast<std::byte>(blob.size() >> 8U);
        signature[3] = static_cast<std::byte>(blob.size());
        ssh::WireWriter out{signature};
        out.text("ssh-ed25519");
        out.string(Bytes(64));
        seeds.push_back({seed_name("signature", key.name), signature});
    }
    // An RSA key under the name of a signature, as a server shows it and as a line has it.
    const Bytes rsa_blob = blob_of(keys::rsa_public);
    ssh::WireReader rsa{rsa_blob};
    rsa.text();
    Bytes renamed;
    ssh::WireWriter out{renamed};
    out.text("rsa-sha2-512");
    out.fixed(rsa.rest());
    seeds.push_back({"blob_rsa_renamed", behind({0}, renamed)});
    seeds.push_back({"line_rsa_renamed",
                     behind({1}, "rsa-sha2-512 " + ssh::encode_base64(renamed) + " comment")});
    seeds.push_back({"rfc4716", behind({2}, keys::rsa_rfc4716)});
    seeds.push_back({"file_rfc4716", behind({3}, keys::rsa_rfc4716)});
    seeds.push_back(
        {"file_line", behind({3}, "# a comment\n\n" + std::string{keys::ed25519_public})});
    seeds.push_back({"headers",
                     behind({2},
                            "---- BEGIN SSH2 PUBLIC KEY ----\nComment: \"a\\\nb\"\nX-y: z\n"
                            "AAAAC3NzaC1lZDI1NTE5AAAAIOJtJHNwRo5I2N4HH4uFoxQxRolD+SHf1aYInYpm7+8x\n"
                            "---- END SSH2 PUBLIC KEY ----\n")});
    return seeds;
}

std::vector<Seed> certificate_seeds() {
    constexpr std::array texts{
        Named{"ed25519", certificates::host_ed25519},
        Named{"nistp256", certificates::host_ecdsa_nistp256},
        Named{"nistp384", certificates::host_ecdsa_nistp384},
        Named{"nistp521", certificates::host_ecdsa_nistp521},
        Named{"rsa", certificates::host_rsa},
        Named{"sk_ed25519", certificates::host_sk_ed25519},
        Named{"sk_nistp256", certificates::host_sk_ecdsa_nistp256},
        Named{"by_nistp256", certificates::host_by_ecdsa_nistp256},
        Named{"by_rsa", certificates::host_by_rsa},
        Named{"by_rsa_sha1", certificates::host_by_rsa_sha1},
        Named{"without_principals", certificates::host_without_principals},
        Named{"critical", certificates::host_critical},
        Named{"forever", certificates::host_forever},
        Named{"user", certificates::user_ed25519},
    };
    std::vector<Seed> seeds;
    for (const Named& text : texts) {
        const Bytes blob = blob_of(text.text);
        seeds.push_back({std::string{text.name}, behind({0}, blob)});
        seeds.push_back({seed_name("other_host", text.name), behind({1}, blob)});
    }
    return seeds;
}

std::vector<Seed> private_key_seeds() {
    constexpr std::array openssh{Named{"ed25519", keys::ed25519},
                                 Named{"nistp256", keys::ecdsa_nistp256},
                                 Named{"nistp384", keys::ecdsa_nistp384},
                                 Named{"nistp521", keys::ecdsa_nistp521},
                                 Named{"rsa", keys::rsa},
                                 Named{"rsa_1024", keys::rsa_1024}};
    std::vector<Seed> seeds;
    for (const Named& key : openssh) {
        seeds.push_back({seed_name("text", key.name), behind({0}, key.text)});
        seeds.push_back({seed_name("openssh", key.name), behind({1}, bare(key.text))});
        seeds.push_back(
            {seed_name("encrypted", key.name), behind({1}, encrypted_openssh(bare(key.text)))});
    }
    constexpr std::array pem{Named{"pkcs1", keys::rsa_pkcs1},
                             Named{"pkcs8", keys::rsa_pkcs8},
                             Named{"sec1", keys::ecdsa_sec1},
                             Named{"ed25519_pkcs8", keys::ed25519_pkcs8},
                             Named{"encrypted", keys::ed25519_encrypted},
                             Named{"aes256_gcm", keys::ed25519_aes256_gcm},
                             Named{"chacha", keys::ed25519_chacha},
                             Named{"aes256_cbc", keys::ed25519_aes256_cbc},
                             Named{"pkcs1_aes128", keys::rsa_pkcs1_aes128_cbc},
                             Named{"pkcs1_des", keys::rsa_pkcs1_des_ede3_cbc},
                             Named{"pbkdf2", keys::rsa_pkcs8_pbkdf2},
                             Named{"scrypt", keys::ecdsa_pkcs8_scrypt},
                             Named{"endless", keys::ecdsa_pkcs8_endless_pbkdf2},
                             Named{"pbes1", keys::ecdsa_pkcs8_pbes1},
                             Named{"pkcs1_encrypted", keys::rsa_pkcs1_encrypted},
                             Named{"pkcs8_encrypted", keys::ed25519_pkcs8_encrypted}};
    for (const Named& key : pem) {
        seeds.push_back({seed_name("text", key.name), behind({0}, key.text)});
    }
    seeds.push_back({"der_pkcs1", behind({2}, bare(keys::rsa_pkcs1))});
    seeds.push_back({"der_sec1", behind({3}, bare(keys::ecdsa_sec1))});
    seeds.push_back({"der_pkcs8", behind({4}, bare(keys::rsa_pkcs8))});
    seeds.push_back({"der_pbkdf2", behind({5}, bare(keys::rsa_pkcs8_pbkdf2))});
    seeds.push_back({"der_scrypt", behind({5}, bare(keys::ecdsa_pkcs8_scrypt))});
    seeds.push_back({"der_ed25519", behind({4}, bare(keys::ed25519_pkcs8))});
    return seeds;
}

std::vector<Seed> known_hosts_seeds() {
    const Bytes key{sim::Pair::host_key().public_key().begin(),
                    sim::Pair::host_key().public_key().end()};
    const Bytes salt(20, std::byte{5});
    const ssh::HostName host{.host = "bastion.example"};
    const std::string right = ssh::known_hosts_line(host, key);
    const std::string text = right.substr(right.find(' '));
    const std::string other{keys::ed25519_public};
    const std::string certificate_line = "@cert-authority *.example " + other;
    return {
        {"right", behind({0}, right)},
        {"other_port", behind({1}, "[bastion.example]:2222" + text)},
        {"without_port", behind({1}, right)},
        {"hashed", behind({0}, ssh::known_hosts_line(host, key, salt))},
        {"changed", behind({0}, "bastion.example " + other)},
        {"revoked", behind({0}, "@revoked *" + text + right)},
        {"authority", behind({0}, certificate_line)},
        {"patterns", behind({0}, "b?stion.*,!x,10.0.0.* " + other)},
        {"negated", behind({0}, "*,!bastion.example " + other)},
        {"addresses", behind({2}, "::1,192.0.2.1" + text)},
        {"comments", behind({0}, "# no\n\n  \t" + right + "x\n@unknown a b c\n")},
        {"no_key",
         behind({0}, "bastion.example\nbastion.example ssh-ed25519\nbastion.example x y\n")},
        {"broken_hash", behind({0}, "|1|x|y" + text + "|2|a|b" + text)},
        {"old_protocol", behind({0}, "bastion.example 1024 35 1234\n")},
        {"long_line", behind({0}, std::string(16 * 1024, 'a') + "\n" + right)},
        {"nul", behind({0}, "@revoked *" + text.substr(0, text.size() - 1) + std::string(1, '\0'))},
        {"hashed_files", behind({0}, keys::hashed_known_hosts)},
    };
}

std::vector<Seed> agent_answer_seeds() {
    const Bytes key{sim::Pair::user_key().public_key().begin(),
                    sim::Pair::user_key().public_key().end()};
    Bytes identities = behind({1}, std::string_view{});
    ssh::WireWriter out{identities};
    out.byte(12);
    out.uint32(2);
    for (int i = 0; i < 2; ++i) {
        out.string(key);
        out.text("me@example");
    }
    const auto signature = [](std::uint8_t number, std::string_view name) {
        Bytes blob;
        ssh::WireWriter inner{blob};
        inner.text(name);
        inner.string(Bytes(64));
        Bytes input = behind({2, number}, std::string_view{});
        ssh::WireWriter outer{input};
        outer.byte(14);
        outer.string(blob);
        return input;
    };
    return {
        {"frame", behind({0, 0, 0, 0, 5}, std::string_view{})},
        {"frame_of_nothing", behind({0, 0, 0, 0, 0}, std::string_view{})},
        {"frame_too_long", behind({0, 0, 4, 0, 1}, std::string_view{})},
        {"short_frame", behind({0, 0, 0}, std::string_view{})},
        {"identities", identities},
        {"no_identities", behind({1, 12, 0, 0, 0, 0}, std::string_view{})},
        {"too_many_identities", behind({1, 12, 255, 255, 255, 255}, std::string_view{})},
        {"refused", behind({1, 5}, std::string_view{})},
        {"unknown_answer", behind({1, 99}, std::string_view{})},
        {"signature", signature(0, "ssh-ed25519")},
        {"other_signature", signature(0, "ssh-rsa")},
        {"signature_refused", behind({2, 0, 5}, std::string_view{})},
        {"success", behind({3, 6}, std::string_view{})},
        {"failure", behind({3, 5}, std::string_view{})},
        {"asked", behind({4, 1, 2}, std::string_view{"keydata"})},
        {"asked_rsa_sha512", behind({4, 2, 2}, std::string_view{"keydata"})},
        {"asked_ed25519", behind({4, 0, 2}, std::string_view{"keydata"})},
        {"neither", behind({3, 7}, std::string_view{})},
    };
}

}  // namespace caponier::fuzz
