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

namespace caponier::ssh {

struct KexMethod {
    std::string_view name;
    HashAlgorithm hash;
    std::unique_ptr<KexAgreement> (*make)();
};

[[nodiscard]] std::span<const KexMethod> kex_methods() noexcept;
/// Null for a name that is not spoken.
[[nodiscard]] const KexMethod* kex_method(std::string_view name) noexcept;
/// For host keys and for user authentication.
[[nodiscard]] std::span<const std::string_view> signature_algorithm_names() noexcept;

/// Every list of the config that is empty replaced by all that is spoken, best first. Which cipher
/// is best depends on the CPU, which host key algorithm on what is on record for the server.
[[nodiscard]] AlgorithmLists with_defaults(const SessionConfig& config);

}  // namespace caponier::ssh
