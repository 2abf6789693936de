// Takes [user@]host and ssh:// apart. Whether the host exists is the resolver's question.

#include "tools/cli/host_argument.h"

#include <algorithm>

namespace caponier::cli {
namespace {

constexpr std::string_view uri_scheme = "ssh://";

/// What no host name holds, and what would be dangerous in a log line or a command.
bool is_plausible_host(std::string_view host) {
    return !host.empty() && host.front() != '-' && std::ranges::all_of(host, [](char character) {
        return character > ' ' && character != '\x7f' && character != '\'' && character != '"';
    });
}

/// "host:port" or "[address]:port" of an URI, in place.
void split_port(HostArgument& argument) {
    const std::string text = argument.host;
    const bool bracketed = text.starts_with('[');
    const auto end = bracketed ? text.find(']') : text.find(':');
    if (end == std::string::npos) {
        return;
    }
    argument.host = bracketed ? text.substr(1, end - 1) : text.substr(0, end);
    const auto colon = bracketed ? end + 1 : end;
    if (colon < text.size()) {
        argument.port = text[colon] == ':' ? text.substr(colon + 1) : text.substr(colon);
    }
}

}  // namespace

std::optional<HostArgument> parse_host_argument(std::string_view text) {
    const bool is_uri = text.starts_with(uri_scheme);
    if (is_uri) {
        text.remove_prefix(uri_scheme.size());
        if (text.ends_with('/')) {
            text.remove_suffix(1);
        }
    }

    HostArgument argument;
    // The last one, as in ssh: user names may hold an @ of their own.
    if (const auto at = text.rfind('@'); at != std::string_view::npos) {
        if (at == 0) {
            return std::nullopt;
        }
        argument.user = text.substr(0, at);
        text.remove_prefix(at + 1);
    }
    argument.host = text;
    if (is_uri) {
        split_port(argument);
    }
    if (!is_plausible_host(argument.host)) {
        return std::nullopt;
    }
    return argument;
}

}  // namespace caponier::cli
