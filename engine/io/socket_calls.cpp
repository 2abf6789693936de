// See socket_calls.h. A failed option is not an error where it only costs speed: the socket works
// without it, and what is wrong with the socket itself shows at its next operation.

#include "engine/io/socket_calls.h"

#include <cerrno>

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace caponier::io::socket_calls {

namespace {

tl::unexpected<IoError> last_error() noexcept {
    return tl::unexpected{IoError{errno}};
}

bool set_option(int fd, int level, int name, int value) noexcept {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

using NameCall = int (*)(int, sockaddr*, socklen_t*);

Address address_from(NameCall call, int fd) noexcept {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (call(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0 || length > sizeof storage) {
        return {};
    }
    return Address::from_kernel(storage, length);
}

}  // namespace

IoResult<Socket> make_stream(int family) noexcept {
    Socket made{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!made) {
        return last_error();
    }
    if (family != AF_UNIX) {
        set_no_delay(made.fd());
    }
    return made;
}

IoResult<Socket> listen(const Address& address, const ListenOptions& options) noexcept {
    IoResult<Socket> made = make_stream(address.family());
    if (!made) {
        return made;
    }
    const int fd = made->fd();
    // Without SO_REUSEADDR a restart would wait for the last connections' TIME_WAIT to end.
    if (!address.is_unix() && !set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1)) {
        return last_error();
    }
    if (address.family() == AF_INET6 &&
        !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0)) {
        return last_error();
    }
    // Inherited by what is accepted: a process that dies leaves no end that looks like an orderly
    // one.
    set_reset_on_close(fd, true);
    if (::bind(fd, address.data(), address.size()) != 0 || ::listen(fd, options.backlog) != 0) {
        return last_error();
    }
    return made;
}

Address local_address(int fd) noexcept {
    return address_from(&::getsockname, fd);
}

Address peer_address(int fd) noexcept {
    return address_from(&::getpeername, fd);
}

std::size_t undelivered_bytes(int fd) noexcept {
    int bytes = 0;
    if (::ioctl(fd, SIOCOUTQ, &bytes) != 0 || bytes < 0) {
        return 0;
    }
    return static_cast<std::size_t>(bytes);
}

int take_error(int fd) noexcept {
    int error = 0;
    socklen_t length = sizeof error;
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

int end_sending(int fd) noexcept {
    return ::shutdown(fd, SHUT_WR) == 0 ? 0 : errno;
}

void set_no_delay(int fd) noexcept {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

void set_unsent_low_water(int fd, std::uint32_t bytes) noexcept {
    // The kernel reads the number as unsigned; its highest value means "no mark".
    set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, static_cast<int>(bytes));
}

void acknowledge_now(int fd) noexcept {
    set_option(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
}

void set_reset_on_close(int fd, bool yes) noexcept {
    const linger at_once{.l_onoff = yes ? 1 : 0, .l_linger = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

bool concerns_one_connection(int accept_error) noexcept {
    switch (accept_error) {
    case ECONNABORTED:
    case EINTR:
    case EAGAIN:
    case EPERM:
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

}  // namespace caponier::io::socket_calls
