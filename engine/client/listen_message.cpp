// What socket(2), bind(2) and listen(2) say, and what helps against it.

#include "engine/client/listen_message.h"

#include <cerrno>
#include <cstdint>
#include <string_view>

#include "engine/io/refusal.h"

namespace caponier::client {

namespace {

/// Whatever net.ipv4.ip_unprivileged_port_start says; it is 1024 unless somebody changed it.
constexpr std::uint16_t privileged_ports_end = 1024;

std::string_view remedy_for(const io::Address& address, io::IoError error) noexcept {
    switch (error.number) {
    case EADDRINUSE:
        return "choose another port or stop what uses it";
    case EADDRNOTAVAIL:
        return "this machine has no such address; choose one of its own (`ip address` lists them)";
    case EACCES:
        return address.port() < privileged_ports_end
                   ? "ports below 1024 are for root; choose a higher one or give the program "
                     "CAP_NET_BIND_SERVICE"
                   : "a policy of this machine forbids it; choose another port";
    case EPERM:
        return "a policy of this machine forbids it; choose another port";
    case EAFNOSUPPORT:
        return "this machine does not speak that family of addresses; choose one of the other";
    case EINVAL:
    case ENODEV:
        return "a link-local address needs the interface behind it, as in fe80::1%eth0";
    default:
        return io::remedy_for(error);
    }
}

}  // namespace

std::string listen_message(const io::Address& address, io::IoError error) {
    std::string message{io::describe(error)};
    if (const std::string_view remedy = remedy_for(address, error); !remedy.empty()) {
        message += "; ";
        message += remedy;
    }
    return message;
}

}  // namespace caponier::client
