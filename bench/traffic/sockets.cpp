// System calls for loopback sockets, each with its error.

#include "bench/traffic/sockets.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace caponier::bench {

namespace {

constexpr int backlog = 4'096;
constexpr int connect_patience_ms = 10'000;

std::uint64_t read_clock(clockid_t clock) noexcept {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(time.tv_nsec);
}

void send_at_once(int fd) noexcept {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

void fail(std::string_view what) noexcept {
    const int error = errno;
    std::fprintf(stderr,
                 "traffic: %.*s: %s\n",
                 static_cast<int>(what.size()),
                 what.data(),
                 std::strerror(error));
    std::_Exit(1);
}

std::uint64_t now_ns() noexcept {
    return read_clock(CLOCK_MONOTONIC);
}

std::uint64_t cpu_ns() noexcept {
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void Descriptor::close() noexcept {
    if (fd_ >= 0) {
        ::close(std::exchange(fd_, -1));
    }
}

sockaddr_in endpoint(std::string_view text) noexcept {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    const std::size_t colon = text.rfind(':');
    std::uint16_t port = 0;
    errno = EINVAL;
    if (colon == std::string_view::npos) {
        fail("an address is host:port");
    }
    const char* const end = text.data() + text.size();
    if (std::from_chars(text.data() + colon + 1, end, port).ptr != end ||
        inet_pton(AF_INET, std::string{text.substr(0, colon)}.c_str(), &address.sin_addr) != 1) {
        fail(text);
    }
    address.sin_port = htons(port);
    return address;
}

Descriptor listen_on_loopback() noexcept {
    Descriptor listener{socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!listener.is_open() ||
        bind(listener.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener.fd(), backlog) != 0) {
        fail("listening");
    }
    return listener;
}

std::uint16_t port_of(const Descriptor& listener) noexcept {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    if (getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        fail("getsockname");
    }
    return ntohs(address.sin_port);
}

Descriptor accept_from(const Descriptor& listener) noexcept {
    Descriptor accepted{accept4(listener.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (accepted.is_open()) {
        send_at_once(accepted.fd());
    } else if (!would_block() && errno != ECONNABORTED) {
        fail("accept");
    }
    return accepted;
}

Descriptor start_connecting(const sockaddr_in& to) noexcept {
    Descriptor connecting{socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!connecting.is_open()) {
        fail("socket");
    }
    send_at_once(connecting.fd());
    if (connect(connecting.fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
        errno != EINPROGRESS) {
        fail("connect");
    }
    return connecting;
}

Descriptor connect_to(const sockaddr_in& to) noexcept {
    Descriptor connecting = start_connecting(to);
    pollfd ready{.fd = connecting.fd(), .events = POLLOUT, .revents = 0};
    if (poll(&ready, 1, connect_patience_ms) != 1) {
        errno = ETIMEDOUT;
        fail("connect");
    }
    socklen_t size = sizeof errno;
    getsockopt(connecting.fd(), SOL_SOCKET, SO_ERROR, &errno, &size);
    if (errno != 0) {
        fail("connect");
    }
    return connecting;
}

void make_blocking(const Descriptor& socket) noexcept {
    const int flags = fcntl(socket.fd(), F_GETFL);
    fcntl(socket.fd(), F_SETFL, flags & ~O_NONBLOCK);
}

std::string_view congestion_control(const Descriptor& socket, std::span<char> room) noexcept {
    auto size = static_cast<socklen_t>(room.size());
    if (getsockopt(socket.fd(), IPPROTO_TCP, TCP_CONGESTION, room.data(), &size) != 0) {
        return "unknown";
    }
    return {room.data(), strnlen(room.data(), size)};
}

void reset_at_close(const Descriptor& socket) noexcept {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void acknowledge_at_once(const Descriptor& socket) noexcept {
    const int on = 1;
    setsockopt(socket.fd(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

bool would_block() noexcept {
    return errno == EAGAIN || errno == EINTR;
}

}  // namespace caponier::bench
