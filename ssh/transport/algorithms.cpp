// The tables of what is spoken.

#include "ssh/transport/algorithms.h"

#include <algorithm>
#include <array>
#include <utility>

#include "ssh/crypto/aead.h"
#include "ssh/crypto/mac.h"
#include "ssh/keys/certificate.h"
#include "ssh/keys/host_key_order.h"
#include "ssh/keys/public_key.h"
#include "ssh/spoken_algorithms.h"

namespace caponier::ssh {

namespace {

constexpr std::array kex_table{
    KexMethod{"curve25519-sha256", HashAlgorithm::sha256, make_x25519},
    KexMethod{"curve25519-sha256@libssh.org", HashAlgorithm::sha256, make_x25519},
    KexMethod{"ecdh-sha2-nistp256", HashAlgorithm::sha256, make_ecdh_nistp256},
    KexMethod{"ecdh-sha2-nistp384", HashAlgorithm::sha384, make_ecdh_nistp384},
    KexMethod{"ecdh-sha2-nistp521", HashAlgorithm::sha512, make_ecdh_nistp521},
    KexMethod{"diffie-hellman-group-exchange-sha256",
              HashAlgorithm::sha256,
              make_dh_group_exchange,
              MessageNumber::kex_dh_gex_init,
              MessageNumber::kex_dh_gex_reply},
    KexMethod{"diffie-hellman-group16-sha512", HashAlgorithm::sha512, make_dh_group16},
    KexMethod{"diffie-hellman-group18-sha512", HashAlgorithm::sha512, make_dh_group18},
    KexMethod{"diffie-hellman-group14-sha256", HashAlgorithm::sha256, make_dh_group14},
};

/// What signs. Certificates stand behind the plain keys: unless an authority is on record, a
/// certificate says no more than the key in it.
constexpr std::array<std::string_view, 8> signature_names{"ssh-ed25519",
                                                          "ecdsa-sha2-nistp256",
                                                          "ecdsa-sha2-nistp384",
                                                          "ecdsa-sha2-nistp521",
                                                          "sk-ssh-ed25519@openssh.com",
                                                          "sk-ecdsa-sha2-nistp256@openssh.com",
                                                          "rsa-sha2-512",
                                                          "rsa-sha2-256"};

/// For the ciphers that do not authenticate by themselves. Encrypt-then-MAC first: what is
/// decrypted was verified before.
constexpr std::array<MacAlgorithm, 4> macs{MacAlgorithm::hmac_sha2_256_etm,
                                           MacAlgorithm::hmac_sha2_512_etm,
                                           MacAlgorithm::hmac_sha2_256,
                                           MacAlgorithm::hmac_sha2_512};

std::vector<std::string> strings_of(std::span<const std::string_view> names) {
    return {names.begin(), names.end()};
}

std::vector<std::string> key_algorithm_names() {
    std::vector<std::string> names = strings_of(signature_names);
    for (const std::string_view name : signature_names) {
        names.emplace_back(certificate_algorithm(name));
    }
    return names;
}

/// The names that a server has keys for.
std::vector<std::string> with_keys(std::vector<std::string> names,
                                   std::span<const std::vector<std::byte>> keys) {
    std::erase_if(names, [keys](const std::string& name) {
        return std::ranges::none_of(keys, [&name](const std::vector<std::byte>& key) {
            return blob_type_name(key) == blob_type_of_algorithm(name);
        });
    });
    return names;
}

std::vector<std::string> cipher_names() {
    std::vector<CipherAlgorithm> order{CipherAlgorithm::aes128_gcm,
                                       CipherAlgorithm::aes256_gcm,
                                       CipherAlgorithm::chacha20_poly1305};
    if (!cpu_has_aes()) {
        std::rotate(order.begin(), order.end() - 1, order.end());
    }
    order.insert(
        order.end(),
        {CipherAlgorithm::aes128_ctr, CipherAlgorithm::aes192_ctr, CipherAlgorithm::aes256_ctr});
    std::vector<std::string> names;
    for (const CipherAlgorithm cipher : order) {
        names.emplace_back(shape_of(cipher).name);
    }
    return names;
}

}  // namespace

std::span<const KexMethod> kex_methods() noexcept {
    return kex_table;
}

const KexMethod* kex_method(std::string_view name) noexcept {
    const auto found = std::find_if(kex_table.begin(),
                                    kex_table.end(),
                                    [name](const KexMethod& row) { return row.name == name; });
    return found == kex_table.end() ? nullptr : &*found;
}

std::string_view host_key_algorithm(std::string_view name) noexcept {
    const auto* const found = std::ranges::find(signature_names, plain_algorithm(name));
    if (found == signature_names.end()) {
        return {};
    }
    return is_certificate_algorithm(name) ? certificate_algorithm(*found) : *found;
}

AlgorithmLists spoken_algorithms() {
    AlgorithmLists lists;
    for (const KexMethod& row : kex_table) {
        lists.kex.emplace_back(row.name);
    }
    lists.host_key = key_algorithm_names();
    lists.cipher = cipher_names();
    for (const MacAlgorithm mac : macs) {
        lists.mac.emplace_back(shape_of(mac).name);
    }
    lists.public_key = key_algorithm_names();
    lists.ca_signature = strings_of(signature_names);
    return lists;
}

AlgorithmLists with_defaults(const SessionConfig& config) {
    AlgorithmLists lists = spoken_algorithms();
    lists.host_key = recorded_first(std::move(lists.host_key), config.recorded_host_key_types);
    if (config.role == Role::server) {
        // Anybody can have a server calculate with large numbers and do nothing himself
        // (CVE-2002-20001), and clients that know no curve are old.
        std::erase_if(lists.kex,
                      [](const std::string& name) { return name.starts_with("diffie-hellman-"); });
    }
    const auto choose = [](std::vector<std::string>& list, const std::vector<std::string>& chosen) {
        if (!chosen.empty()) {
            list = chosen;
        }
    };
    choose(lists.kex, config.algorithms.kex);
    choose(lists.host_key, config.algorithms.host_key);
    if (config.role == Role::server) {
        lists.host_key = with_keys(std::move(lists.host_key), config.host_keys);
    }
    choose(lists.cipher, config.algorithms.cipher);
    choose(lists.mac, config.algorithms.mac);
    choose(lists.public_key, config.algorithms.public_key);
    choose(lists.ca_signature, config.algorithms.ca_signature);
    return lists;
}

}  // namespace caponier::ssh
