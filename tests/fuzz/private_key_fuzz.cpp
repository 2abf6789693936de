// Private key files. The first byte of the input says what the rest is:
//   0  the text of a file
//   1  what OpenSSH's own format has inside its armour (PROTOCOL.key)
//   2, 3, 4  the DER inside "RSA PRIVATE KEY", "EC PRIVATE KEY" and "PRIVATE KEY"
//   5        the DER inside "ENCRYPTED PRIVATE KEY"
// The armour of the last five is put on here, so that the fuzzer works on the bytes inside. Every
// text is tried without a passphrase and with one.

#include <array>
#include <string>
#include <vector>

#include "ssh/crypto/signature.h"
#include "ssh/expects.h"
#include "ssh/keys/base64.h"
#include "ssh/keys/private_key.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/unit/ssh/encrypted_test_keys.h"

namespace caponier::fuzz {

namespace {

constexpr std::array<std::string_view, 5> labels{"OPENSSH PRIVATE KEY",
                                                 "RSA PRIVATE KEY",
                                                 "EC PRIVATE KEY",
                                                 "PRIVATE KEY",
                                                 "ENCRYPTED PRIVATE KEY"};

std::string armoured(std::string_view label, std::span<const std::byte> bytes) {
    const std::string code = ssh::encode_base64(bytes);
    std::string text{"-----BEGIN "};
    text.append(label).append("-----\n");
    for (std::size_t at = 0; at < code.size(); at += 70) {
        text.append(code, at, 70).append("\n");
    }
    return text.append("-----END ").append(label).append("-----\n");
}

void try_key(const ssh::Result<ssh::PrivateKey>& key) {
    if (!key) {
        return;
    }
    // A key that can be read can be used, and what it signs is right.
    const std::span<const std::byte> blob = key->key.public_key();
    const ssh::Result<ssh::PublicKey> public_key = ssh::parse_public_key(blob);
    ssh::expects(public_key.has_value());
    const std::string_view algorithm = ssh::signature_algorithms(public_key->type).front();
    const auto data = ssh::bytes_of("data");
    if (const ssh::Result<std::vector<std::byte>> signature =
            ssh::sign(key->key, algorithm, data)) {
        ssh::expects(
            ssh::verify(
                {.algorithm = algorithm, .key = blob, .data = data, .signature = *signature}) ==
            ssh::Verification::valid);
    }
}

void try_text(std::string_view text) {
    if (const auto told = ssh::told_public_key(text)) {
        ssh::expects(!ssh::blob_type_name(*told).empty());
    }
    try_key(ssh::parse_private_key(text));
    try_key(ssh::parse_private_key(text, ssh::bytes_of(ssh::test_keys::passphrase)));
}

}  // namespace

void try_input(std::span<const std::byte> bytes) {
    Input input{bytes};
    const std::uint8_t form = input.byte();
    if (form == 0) {
        try_text(ssh::text_of(input.rest()));
    } else {
        const std::string text = armoured(labels[(form - 1U) % labels.size()], input.rest());
        try_text(text);
    }
}

}  // namespace caponier::fuzz
