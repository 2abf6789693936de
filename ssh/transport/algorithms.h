#pragma once
// The algorithms that are spoken, best first. A new key exchange method is a file that implements
// KexAgreement and a row in the table here; a new cipher is a row in ssh/crypto/aead.

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "ssh/config.h"
#include "ssh/crypto/hash.h"
#include "ssh/transport/kex_agreement.h"
#include "ssh/wire/message_numbers.h"

namespace caponier::ssh {

struct KexMethod {
    std::string_view name;
    HashAlgorithm hash;
    std::unique_ptr<KexAgreement> (*make)();
    /// Which messages carry the public values.
    MessageNumber init = MessageNumber::kex_ecdh_init;
    MessageNumber reply = MessageNumber::kex_ecdh_reply;
};

[[nodiscard]] std::span<const KexMethod> kex_methods() noexcept;
/// Null for a name that is not spoken.
[[nodiscard]] const KexMethod* kex_method(std::string_view name) noexcept;
/// With static storage; empty for a name that is not spoken.
[[nodiscard]] std::string_view host_key_algorithm(std::string_view name) noexcept;

/// Every list of the config that is empty replaced by all that is spoken, best first. Which cipher
/// is best depends on the CPU, which host key algorithm on what is on record for the server. A
/// server offers only what it has keys for, and no finite-field groups unless the config names
/// them.
[[nodiscard]] AlgorithmLists with_defaults(const SessionConfig& config);

}  // namespace caponier::ssh
