// Takes [user@]host and ssh:// apart. Whether the host exists is the resolver's question.

#include "tools/cli/host_argument.h"

#include <algorithm>

#include "ssh/letter_case.h"

namespace caponier::cli {
namespace {

constexpr std::string_view uri_scheme = "ssh://";

/// What no host name holds, and what would be dangerous in a log line or a command.
bool is_plausible_host(std::string_view host) {
    return !host.empty() && host.front() != '-' && std::ranges::all_of(host, [](char character) {
        return character > ' ' && character != '\x7f' && character != '\'' && character != '"';
    });
}

std::optional<char> hex_digit(char character) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto at = digits.find(ssh::in_lower_case(character));
    return at == std::string_view::npos ? std::nullopt : std::optional{static_cast<char>(at)};
}

/// misc.c, urldecode(): %40 is an @ and + a blank. Nothing for a % without two digits behind it, or
/// for a NUL, which no name holds.
std::optional<std::string> decode_uri(std::string_view text) {
    std::string decoded;
    while (!text.empty()) {
        if (text.front() != '%') {
            decoded += text.front() == '+' ? ' ' : text.front();
            text.remove_prefix(1);
            continue;
        }
        const auto high = text.size() < 3 ? std::nullopt : hex_digit(text[1]);
        const auto low = text.size() < 3 ? std::nullopt : hex_digit(text[2]);
        if (!high || !low || (*high == 0 && *low == 0)) {
            return std::nullopt;
        }
        decoded += static_cast<char>(*high << 4 | *low);
        text.remove_prefix(3);
    }
    return decoded;
}

/// The user of an URI, up to its first @: parameters behind a semicolon are ignored, as in ssh.
std::optional<std::string> uri_user(std::string_view text) {
    const std::string_view name = text.substr(0, text.find(';'));
    return name.empty() ? std::nullopt : decode_uri(name);
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
    // As in ssh the last one, because user names may hold an @ of their own; in an URI the first,
    // because there it is %40 in a name.
    const auto at = is_uri ? text.find('@') : text.rfind('@');
    if (at != std::string_view::npos) {
        argument.user =
            is_uri ? uri_user(text.substr(0, at)) : std::optional{std::string{text.substr(0, at)}};
        if (!argument.user || argument.user->empty()) {
            return std::nullopt;
        }
        text.remove_prefix(at + 1);
    }
    argument.host = text;
    if (is_uri) {
        split_port(argument);
    }
    const bool is_more_than_a_host =
        is_uri && argument.host.find_first_of("@/") != std::string::npos;
    if (!is_plausible_host(argument.host) || is_more_than_a_host) {
        return std::nullopt;
    }
    return argument;
}

}  // namespace caponier::cli
