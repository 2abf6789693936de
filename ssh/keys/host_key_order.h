#pragma once
// The order in which a client asks for host key algorithms. A server shows one key, of the first
// algorithm that both sides have: if another type is on record, it would look like a changed key.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace caponier::ssh {

/// RFC 8332 3: an RSA host key has the type ssh-rsa, whichever algorithm signs with it.
[[nodiscard]] std::string_view key_type_of_algorithm(std::string_view algorithm) noexcept;

/// `algorithms` with those whose key type is among `recorded_types` in front, otherwise in order.
[[nodiscard]] std::vector<std::string> recorded_first(std::vector<std::string> algorithms,
                                                      std::span<const std::string> recorded_types);

}  // namespace caponier::ssh
