#pragma once
// Names to numeric addresses, with a deadline. getaddrinfo(3) blocks and cannot be canceled, so it
// runs on a thread of its own that is left behind when the deadline passes or the caller gives up.
// Dialing the addresses is engine/relay/dialer.cpp's part.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "engine/io/address.h"
#include "engine/relay/limits.h"

namespace caponier::client {

struct ResolveError {
    enum class Cause : std::uint8_t {
        no_such_name,  ///< the resolver answered: there is no such host
        no_answer,     ///< the resolver did not answer, or not in time
        given_up,      ///< nobody wants to know any more; there is no message
        failed,        ///< anything else
    };
    Cause cause{};
    std::string message;  ///< one line: what, and what to do
};

using Resolved = tl::expected<std::vector<io::Address>, ResolveError>;

/// All that are dialled.
inline constexpr std::size_t resolved_addresses_max = relay::dial_addresses_max;

struct Endpoint {
    std::string host;
    std::uint16_t port = 0;
};

/// What runs on the thread; tests put their own there.
using Lookup = Resolved (*)(const Endpoint& endpoint);
[[nodiscard]] Resolved lookup_addresses(const Endpoint& endpoint);

/// Blocks the caller for at most `patience` (0: as long as the resolver takes), and no longer than
/// until `stop` is requested. Numeric addresses are answered at once. The addresses come in the
/// order of RFC 6724, as getaddrinfo() sorts them.
[[nodiscard]] Resolved resolve(const Endpoint& endpoint,
                               std::chrono::milliseconds patience,
                               const std::stop_token& stop,
                               Lookup lookup = &lookup_addresses);

/// A numeric address as the C library writes it, so that "127.1", "0x7f.1" and "0::1" are looked up
/// in known_hosts by the name under which "127.0.0.1" and "::1" were recorded; ssh's
/// resolve_addr(). Anything else comes back as it is, whatever its case. Asks no resolver.
[[nodiscard]] std::string canonical_address(const std::string& host);

}  // namespace caponier::client
