#pragma once
// The argument that names where to connect, in the forms that ssh takes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace caponier::cli {

struct HostArgument {
    std::optional<std::string> user;
    std::string host;
    std::optional<std::string> port;  ///< as written; the settings check it
};

/// "host", "user@host" or "ssh://[user@]host[:port]", IPv6 addresses of an URI in brackets and its
/// user percent-encoded. Nothing if there is no host in it, or one that begins like an option, or
/// if an URI holds more than that.
[[nodiscard]] std::optional<HostArgument> parse_host_argument(std::string_view text);

}  // namespace caponier::cli
