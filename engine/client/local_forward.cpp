// Parses the argument of -L as OpenSSH's parse_forward() does. Which addresses a bind host stands
// for is decided by forwarder.cpp, with GatewayPorts.

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>

#include <netdb.h>

#include <fmt/format.h>

#include "engine/client/settings.h"
#include "engine/client/text_filter.h"

namespace caponier::client {

namespace {

/// NI_MAXHOST, OpenSSH's limit, counts a terminating NUL.
constexpr std::size_t host_bytes_max = 1024;
/// A service database has short lines; more than this for one entry is no port name.
constexpr std::size_t service_bytes_max = 4096;

constexpr std::string_view form = "[bind_address:]port:host:hostport";

bool has_strange_character(std::string_view host) noexcept {
    return std::any_of(host.begin(), host.end(), [](char c) {
        return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
    });
}

/// Takes one field off the front of `rest`, and the colon behind it. A field in brackets is
/// literal; elsewhere a backslash protects the next character.
std::optional<std::string> take_field(std::string_view& rest) {
    std::string field;
    std::size_t at = 0;
    if (rest.front() == '[') {
        const std::size_t end = rest.find(']');
        if (end == std::string_view::npos || (end + 1 < rest.size() && rest[end + 1] != ':')) {
            return std::nullopt;
        }
        field = rest.substr(1, end - 1);
        at = end + 1;
    } else {
        for (; at < rest.size() && rest[at] != ':'; ++at) {
            if (rest[at] == '\\' && ++at == rest.size()) {
                return std::nullopt;
            }
            field += rest[at];
        }
    }
    if (at + 1 == rest.size()) {
        return std::nullopt;  // a colon, and nothing behind it
    }
    rest.remove_prefix(std::min(at + 1, rest.size()));
    return field;
}

std::optional<std::vector<std::string>> split_fields(std::string_view text) {
    std::vector<std::string> fields;
    while (!text.empty()) {
        std::optional<std::string> field = take_field(text);
        if (!field || fields.size() == 4) {
            return std::nullopt;
        }
        fields.push_back(std::move(*field));
    }
    return fields;
}

}  // namespace

tl::expected<std::uint16_t, std::string> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, port);
    if (!text.empty() && error == std::errc{} && stop == end) {
        return port;
    }
    const std::string name{text};
    std::array<char, service_bytes_max> room{};
    servent entry{};
    servent* found = nullptr;
    if (!name.empty() &&
        ::getservbyname_r(name.c_str(), "tcp", &entry, room.data(), room.size(), &found) == 0 &&
        found != nullptr) {
        return ntohs(static_cast<std::uint16_t>(found->s_port));
    }
    return tl::unexpected{
        fmt::format("'{}' is neither a port (0 to 65535) nor a service", printable(text))};
}

tl::expected<LocalForward, std::string> parse_local_forward(std::string_view text) {
    const auto refuse = [&](std::string_view why) {
        return tl::unexpected{fmt::format("-L {}: {}", printable(text), why)};
    };
    std::string_view trimmed = text;
    trimmed.remove_prefix(std::min(trimmed.find_first_not_of(" \t"), trimmed.size()));
    const std::optional<std::vector<std::string>> fields = split_fields(trimmed);
    const auto is_path = [](const std::string& field) {
        return field.find('/') != std::string::npos;
    };
    if (fields && fields->size() >= 2 && std::any_of(fields->begin(), fields->end(), is_path)) {
        return refuse("unix sockets cannot be forwarded yet");
    }
    if (!fields || fields->size() < 3) {
        return refuse(fmt::format("expected {}, IPv6 addresses in brackets", form));
    }
    LocalForward forward;
    forward.bind_given = fields->size() == 4;
    const std::span<const std::string> rest = std::span{*fields}.last(3);
    forward.bind_host = forward.bind_given ? fields->front() : std::string{};
    forward.host = rest[1];
    const tl::expected<std::uint16_t, std::string> port = parse_port(rest[0]);
    if (!port) {
        return refuse(port.error());
    }
    const tl::expected<std::uint16_t, std::string> host_port = parse_port(rest[2]);
    if (!host_port) {
        return refuse(host_port.error());
    }
    if (*host_port == 0) {
        return refuse("port 0 is nowhere to connect to");
    }
    if (forward.host.empty()) {
        return refuse(fmt::format("the host is missing; expected {}", form));
    }
    for (const std::string& host : {forward.host, forward.bind_host}) {
        if (host.size() > host_bytes_max || has_strange_character(host)) {
            return refuse("that is not a host name or an address");
        }
    }
    forward.port = *port;
    forward.host_port = *host_port;
    return forward;
}

}  // namespace caponier::client
