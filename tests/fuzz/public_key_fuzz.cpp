// Public keys. The first byte of the input says what the rest is:
//   0  a blob (RFC 4253 6.6)
//   1  a line of authorized_keys' and known_hosts' form
//   2  RFC 4716 text
//   3  a .pub file of either form
//   4  byte algorithm, uint16 length, a blob, and a signature to verify with it

#include <algorithm>
#include <string>
#include <vector>

#include "ssh/crypto/signature.h"
#include "ssh/expects.h"
#include "ssh/keys/public_key.h"
#include "ssh/transport/algorithms.h"
#include "tests/fuzz/fuzz_target.h"

namespace caponier::fuzz {

namespace {

void try_blob(std::span<const std::byte> blob) {
    const ssh::Result<ssh::PublicKey> key = ssh::parse_public_key(blob);
    if (!key) {
        return;
    }
    // The same key, but perhaps an RSA key under the name of a signature.
    const std::vector<std::byte> own = ssh::blob_under_own_name(blob);
    ssh::expects(ssh::key_type_name(key->type) == ssh::blob_type_name(own));
    ssh::expects(ssh::make_public_key_blob(*key) == own);
    ssh::expects(std::ranges::equal(own, blob) || key->type == ssh::KeyType::rsa);
    ssh::expects(ssh::fingerprint(own) == ssh::fingerprint(blob));
    if (key->type == ssh::KeyType::rsa) {
        ssh::expects(key->bits >= ssh::rsa_bits_min && key->bits <= ssh::rsa_bits_max);
    }
    // "SHA256:" and the base64 of 32 bytes.
    ssh::expects(ssh::fingerprint(blob).size() == 7 + 43);
}

void try_text(const ssh::Result<ssh::PublicKeyText>& text) {
    if (text) {
        ssh::expects(!ssh::blob_type_name(text->blob).empty());
        try_blob(text->blob);
    }
}

void try_signature(Input& input) {
    const std::vector<std::string> names = ssh::with_defaults(ssh::SessionConfig{}).public_key;
    const std::string_view algorithm = names[input.byte() % names.size()];
    const auto blob = input.bytes(input.uint16());
    const bool fits = ssh::parse_public_key(blob).has_value();
    const ssh::Verification verification = ssh::verify({.algorithm = algorithm,
                                                        .key = blob,
                                                        .data = ssh::bytes_of("data"),
                                                        .signature = input.rest()});
    ssh::expects(fits || verification != ssh::Verification::valid);
}

}  // namespace

void try_input(std::span<const std::byte> bytes) {
    Input input{bytes};
    switch (input.byte()) {
    case 0:
        try_blob(input.rest());
        break;
    case 1:
        try_text(ssh::parse_public_key_line(ssh::text_of(input.rest())));
        break;
    case 2:
        try_text(ssh::parse_rfc4716_public_key(ssh::text_of(input.rest())));
        break;
    case 3:
        try_text(ssh::parse_public_key_file(ssh::text_of(input.rest())));
        break;
    default:
        try_signature(input);
        break;
    }
}

}  // namespace caponier::fuzz
