#pragma once
// The algorithm lists of ssh_config(5): Ciphers, MACs, KexAlgorithms, HostKeyAlgorithms,
// PubkeyAcceptedAlgorithms and CASignatureAlgorithms. From what was written to the names that a
// session offers.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "engine/client/settings.h"
#include "ssh/config.h"

namespace caponier::client {

/// Names or patterns separated by commas, none of them empty, and perhaps a prefix.
[[nodiscard]] bool is_algorithm_list(std::string_view text) noexcept;

/// ssh_config(5): "If the specified list begins with a '+' character, then the specified algorithms
/// will be appended to the default set instead of replacing them. If [it] begins with a '-'
/// character, then the specified algorithms (including wildcards) will be removed from the default
/// set [...]. If [it] begins with a '^' character, then the specified algorithms will be placed at
/// the head of the default set."
///
/// `spoken` is the default as well as all there is to choose from. `text` is_algorithm_list(). The
/// error, one line without the option's name, lists what is spoken.
[[nodiscard]] tl::expected<std::vector<std::string>, std::string> chosen_algorithms(
    std::string_view text, std::span<const std::string> spoken);

/// Fills in `settings.algorithms` by what `settings.engine` speaks. The error is one line.
[[nodiscard]] tl::expected<void, std::string> choose_algorithms(Settings& settings);

/// What a session is to offer. As in ssh, the host key algorithms that the user only added to or
/// took from are brought in the order of what is on record for the host.
[[nodiscard]] ssh::AlgorithmLists algorithms_for(const Settings& settings,
                                                 std::span<const std::string> recorded_key_types);

}  // namespace caponier::client
