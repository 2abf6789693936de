// From the bind address of a forward to socket addresses.

#include "engine/client/bind_addresses.h"

#include <array>
#include <string_view>

#include "engine/client/resolve.h"

namespace caponier::client {

namespace {

constexpr std::array<std::string_view, 2> loopback{"127.0.0.1", "::1"};
constexpr std::array<std::string_view, 2> everywhere{"0.0.0.0", "::"};
constexpr std::chrono::milliseconds name_patience{5'000};

}  // namespace

tl::expected<std::vector<io::Address>, std::string> bind_addresses(const LocalForward& forward,
                                                                   bool gateway_ports,
                                                                   const std::stop_token& stop) {
    const std::string& host = forward.bind_host;
    const bool all = forward.bind_given ? host.empty() || host == "*" : gateway_ports;
    if (all || !forward.bind_given || host == "localhost") {
        std::vector<io::Address> addresses;
        for (const std::string_view name : all ? everywhere : loopback) {
            addresses.push_back(io::Address::ip(name, forward.port).value_or(io::Address{}));
        }
        return addresses;
    }
    Resolved resolved = resolve({host, forward.port}, name_patience, stop);
    if (!resolved) {
        return tl::unexpected{"cannot listen on " + host + ": " + resolved.error().message};
    }
    return std::move(*resolved);
}

}  // namespace caponier::client
