// The table of the MACs.

#include "ssh/crypto/mac.h"

#include <array>

#include "ssh/expects.h"

namespace caponier::ssh {

namespace {

/// In the order of the enumerators.
constexpr std::array<MacShape, 4> shapes{{
    {.name = "hmac-sha2-256-etm@openssh.com",
     .hash = HashAlgorithm::sha256,
     .key_bytes = 32,
     .tag_bytes = 32,
     .encrypts_first = true},
    {.name = "hmac-sha2-512-etm@openssh.com",
     .hash = HashAlgorithm::sha512,
     .key_bytes = 64,
     .tag_bytes = 64,
     .encrypts_first = true},
    {.name = "hmac-sha2-256",
     .hash = HashAlgorithm::sha256,
     .key_bytes = 32,
     .tag_bytes = 32,
     .encrypts_first = false},
    {.name = "hmac-sha2-512",
     .hash = HashAlgorithm::sha512,
     .key_bytes = 64,
     .tag_bytes = 64,
     .encrypts_first = false},
}};

}  // namespace

const MacShape& shape_of(MacAlgorithm algorithm) noexcept {
    const auto at = static_cast<std::size_t>(algorithm);
    expects(at < shapes.size());
    return shapes[at];
}

std::optional<MacAlgorithm> mac_of(std::string_view name) noexcept {
    for (std::size_t at = 0; at < shapes.size(); ++at) {
        if (shapes[at].name == name) {
            return static_cast<MacAlgorithm>(at);
        }
    }
    return std::nullopt;
}

}  // namespace caponier::ssh
