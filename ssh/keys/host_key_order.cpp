// Algorithms of recorded host keys first.

#include "ssh/keys/host_key_order.h"

#include <algorithm>

namespace caponier::ssh {

std::string_view key_type_of_algorithm(std::string_view algorithm) noexcept {
    return algorithm.starts_with("rsa-sha2-") ? "ssh-rsa" : algorithm;
}

std::vector<std::string> recorded_first(std::vector<std::string> algorithms,
                                        std::span<const std::string> recorded_types) {
    std::stable_partition(
        algorithms.begin(), algorithms.end(), [recorded_types](const std::string& algorithm) {
            return std::ranges::find(recorded_types, key_type_of_algorithm(algorithm)) !=
                   recorded_types.end();
        });
    return algorithms;
}

}  // namespace caponier::ssh
