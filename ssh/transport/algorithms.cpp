// The tables of what is spoken.

#include "ssh/transport/algorithms.h"

#include <algorithm>
#include <array>
#include <utility>

#include "ssh/crypto/aead.h"
#include "ssh/keys/host_key_order.h"
#include "ssh/spoken_algorithms.h"

namespace caponier::ssh {

namespace {

constexpr std::array kex_table{
    KexMethod{"curve25519-sha256", HashAlgorithm::sha256, make_x25519},
    KexMethod{"curve25519-sha256@libssh.org", HashAlgorithm::sha256, make_x25519},
    KexMethod{"ecdh-sha2-nistp256", HashAlgorithm::sha256, make_ecdh_nistp256},
};

constexpr std::array<std::string_view, 4> signature_names{
    "ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"};

/// Every cipher of ours authenticates by itself, so that no MAC is ever used; but RFC 4253 7.1
/// wants the list filled, and a peer may look.
constexpr std::array<std::string_view, 2> mac_names{"hmac-sha2-256-etm@openssh.com",
                                                    "hmac-sha2-256"};

std::vector<std::string> strings_of(std::span<const std::string_view> names) {
    return {names.begin(), names.end()};
}

std::vector<std::string> cipher_names() {
    std::vector<CipherAlgorithm> order{CipherAlgorithm::aes128_gcm,
                                       CipherAlgorithm::aes256_gcm,
                                       CipherAlgorithm::chacha20_poly1305};
    if (!cpu_has_aes()) {
        std::rotate(order.begin(), order.end() - 1, order.end());
    }
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

std::span<const std::string_view> signature_algorithm_names() noexcept {
    return signature_names;
}

AlgorithmLists spoken_algorithms() {
    AlgorithmLists lists;
    for (const KexMethod& row : kex_table) {
        lists.kex.emplace_back(row.name);
    }
    lists.host_key = strings_of(signature_names);
    lists.cipher = cipher_names();
    lists.mac = strings_of(mac_names);
    lists.public_key = strings_of(signature_names);
    lists.ca_signature = strings_of(signature_names);
    return lists;
}

AlgorithmLists with_defaults(const SessionConfig& config) {
    AlgorithmLists lists = spoken_algorithms();
    lists.host_key = recorded_first(std::move(lists.host_key), config.recorded_host_key_types);
    const auto choose = [](std::vector<std::string>& list, const std::vector<std::string>& chosen) {
        if (!chosen.empty()) {
            list = chosen;
        }
    };
    choose(lists.kex, config.algorithms.kex);
    choose(lists.host_key, config.algorithms.host_key);
    choose(lists.cipher, config.algorithms.cipher);
    choose(lists.mac, config.algorithms.mac);
    choose(lists.public_key, config.algorithms.public_key);
    choose(lists.ca_signature, config.algorithms.ca_signature);
    return lists;
}

}  // namespace caponier::ssh
