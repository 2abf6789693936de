// Parsing and printing of numeric addresses with the C library's inet_pton and inet_ntop, which
// know neither names nor the short forms ("127.1") that would hide a typing error.

#include "engine/io/address.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "engine/io/expects.h"

namespace caponier::io {

namespace {

// The kernel's structures overlay each other; copying is the one way to look at them that the
// language allows.
template <typename Kind>
Kind view_as(const sockaddr_storage& storage) noexcept {
    static_assert(sizeof(Kind) <= sizeof storage);
    Kind address{};
    std::memcpy(&address, &storage, sizeof address);
    return address;
}

template <typename Kind>
sockaddr_storage stored(const Kind& address) noexcept {
    static_assert(sizeof(Kind) <= sizeof(sockaddr_storage));
    sockaddr_storage storage{};
    std::memcpy(&storage, &address, sizeof address);
    return storage;
}

// RFC 4007 11.2: the zone is an interface name or its number. 0 if there is no such interface.
std::uint32_t interface_index(const std::string& zone) noexcept {
    const std::uint32_t index = ::if_nametoindex(zone.c_str());
    if (index != 0) {
        return index;
    }
    std::uint32_t number = 0;
    const char* const end = zone.data() + zone.size();
    const auto [parsed_to, error] = std::from_chars(zone.data(), end, number);
    return error == std::errc{} && parsed_to == end ? number : 0;
}

std::string interface_name(std::uint32_t index) {
    std::array<char, IF_NAMESIZE> name{};
    return ::if_indextoname(index, name.data()) != nullptr ? std::string{name.data()}
                                                           : std::to_string(index);
}

std::optional<sockaddr_in6> parse_ipv6(const std::string& host, std::uint16_t port) {
    const std::size_t percent = host.find('%');
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, host.substr(0, percent).c_str(), &address.sin6_addr) != 1) {
        return std::nullopt;
    }
    if (percent != std::string::npos) {
        address.sin6_scope_id = interface_index(host.substr(percent + 1));
        if (address.sin6_scope_id == 0) {
            return std::nullopt;
        }
    }
    return address;
}

}  // namespace

std::optional<Address> Address::ip(std::string_view host, std::uint16_t port) {
    const std::string text{host};
    if (text.find('\0') != std::string::npos) {
        return std::nullopt;
    }
    Address result;
    sockaddr_in ipv4{};
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(port);
    if (::inet_pton(AF_INET, text.c_str(), &ipv4.sin_addr) == 1) {
        result.storage_ = stored(ipv4);
        result.length_ = sizeof ipv4;
        return result;
    }
    const std::optional<sockaddr_in6> ipv6 = parse_ipv6(text, port);
    if (!ipv6) {
        return std::nullopt;
    }
    result.storage_ = stored(*ipv6);
    result.length_ = sizeof *ipv6;
    return result;
}

std::optional<Address> Address::unix_path(std::string_view path) {
    sockaddr_un address{};
    // A zero byte would end the path early, or make it an abstract name if it came first.
    if (path.empty() || path.size() >= sizeof address.sun_path ||
        path.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    Address result;
    result.storage_ = stored(address);
    result.length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return result;
}

Address Address::from_kernel(const sockaddr_storage& storage, socklen_t length) noexcept {
    expects(length <= sizeof storage);
    Address result;
    // What lies behind `length` is not the kernel's: it stays zero.
    std::memcpy(&result.storage_, &storage, length);
    result.length_ = length;
    return result;
}

bool Address::is_loopback() const noexcept {
    switch (family()) {
    case AF_INET:
        return ntohl(view_as<sockaddr_in>(storage_).sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    case AF_INET6: {
        const auto address = view_as<sockaddr_in6>(storage_);
        return IN6_IS_ADDR_LOOPBACK(&address.sin6_addr) != 0;
    }
    default:
        return false;
    }
}

std::uint16_t Address::port() const noexcept {
    switch (family()) {
    case AF_INET:
        return ntohs(view_as<sockaddr_in>(storage_).sin_port);
    case AF_INET6:
        return ntohs(view_as<sockaddr_in6>(storage_).sin6_port);
    default:
        return 0;
    }
}

std::string Address::host() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    switch (family()) {
    case AF_INET: {
        const auto address = view_as<sockaddr_in>(storage_);
        ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
        return text.data();
    }
    case AF_INET6: {
        const auto address = view_as<sockaddr_in6>(storage_);
        ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
        std::string host{text.data()};
        if (address.sin6_scope_id != 0) {
            host += '%';
            host += interface_name(address.sin6_scope_id);
        }
        return host;
    }
    case AF_UNIX: {
        // The kernel's path may fill sun_path without a terminator.
        const auto address = view_as<sockaddr_un>(storage_);
        return {address.sun_path, ::strnlen(address.sun_path, sizeof address.sun_path)};
    }
    default:
        return {};
    }
}

std::string Address::to_string() const {
    switch (family()) {
    case AF_INET:
        return host() + ':' + std::to_string(port());
    case AF_INET6:
        return '[' + host() + "]:" + std::to_string(port());
    default:
        return host();
    }
}

const sockaddr* Address::data() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage_);
}

}  // namespace caponier::io
