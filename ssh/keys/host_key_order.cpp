// Algorithms of recorded host keys first.

#include "ssh/keys/host_key_order.h"

#include <algorithm>
#include <string_view>

#include "ssh/keys/certificate.h"

namespace caponier::ssh {

std::vector<std::string> recorded_first(std::vector<std::string> algorithms,
                                        std::span<const std::string> recorded_types) {
    const auto is_recorded = [recorded_types](std::string_view algorithm) {
        return std::ranges::find(recorded_types, blob_type_of_algorithm(algorithm)) !=
               recorded_types.end();
    };
    const auto goes_first = [&is_recorded](const std::string& algorithm) {
        return is_recorded(algorithm) || is_recorded(plain_algorithm(algorithm));
    };
    const auto has_authority = [&is_recorded](const std::string& algorithm) {
        return is_certificate_algorithm(algorithm) && is_recorded(algorithm);
    };
    const auto others = std::stable_partition(algorithms.begin(), algorithms.end(), goes_first);
    std::stable_partition(algorithms.begin(), others, has_authority);
    return algorithms;
}

}  // namespace caponier::ssh
