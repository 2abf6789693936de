// Plain blocking sockets: what the target does is told in the test.

#include "tests/interop/session/target.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ssh/expects.h"
#include "tests/interop/session/stream.h"

namespace caponier::ssh::test {

namespace {

constexpr std::size_t chunk_bytes = 32 * 1024;

Descriptor bound_socket(std::uint16_t& port) {
    Descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    expects(::bind(socket.number(), generic, length) == 0);
    expects(::getsockname(socket.number(), generic, &length) == 0);
    port = ntohs(address.sin_port);
    return socket;
}

bool send_all(int connection, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
    return true;
}

}  // namespace

Target::Target(Serve serve) : serve_{std::move(serve)}, listening_{bound_socket(port_)} {
    expects(::listen(listening_.number(), 128) == 0);
    accepting_ = std::thread{[this] { accept_all(); }};
}

Target::~Target() {
    ::shutdown(listening_.number(), SHUT_RDWR);
    accepting_.join();
    for (std::thread& connection : connections_) {
        connection.join();
    }
}

void Target::accept_all() {
    while (true) {
        const int number = ::accept4(listening_.number(), nullptr, nullptr, SOCK_CLOEXEC);
        if (number < 0) {
            return;
        }
        connections_.emplace_back([this, number] {
            const Descriptor connection{number};
            serve_(number);
        });
    }
}

std::uint16_t closed_port() {
    std::uint16_t port = 0;
    const Descriptor never_listens = bound_socket(port);
    return port;
}

bool send_stream(int connection, std::uint64_t stream, std::uint64_t bytes) {
    std::array<std::byte, chunk_bytes> chunk{};
    for (std::uint64_t offset = 0; offset < bytes;) {
        const std::size_t count =
            static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), bytes - offset));
        fill_from_stream(std::span{chunk}.first(count), stream, offset);
        if (!send_all(connection, std::span{chunk}.first(count))) {
            return false;
        }
        offset += count;
    }
    return true;
}

std::int64_t read_stream(int connection, std::uint64_t stream) {
    std::array<std::byte, chunk_bytes> chunk{};
    std::uint64_t offset = 0;
    while (true) {
        const ssize_t count = ::recv(connection, chunk.data(), chunk.size(), 0);
        if (count <= 0) {
            return count == 0 ? static_cast<std::int64_t>(offset) : -1;
        }
        if (!is_of_stream(
                std::span{chunk}.first(static_cast<std::size_t>(count)), stream, offset)) {
            return -1;
        }
        offset += static_cast<std::uint64_t>(count);
    }
}

void send_end(int connection) {
    ::shutdown(connection, SHUT_WR);
}

void echo(int connection) {
    std::array<std::byte, chunk_bytes> chunk{};
    while (true) {
        const ssize_t count = ::recv(connection, chunk.data(), chunk.size(), 0);
        if (count <= 0 ||
            !send_all(connection, std::span{chunk}.first(static_cast<std::size_t>(count)))) {
            break;
        }
    }
    send_end(connection);
}

DuplexTarget::DuplexTarget(const Streams& streams)
    : target_{[this, streams](int connection) {
          std::thread sender{[&] {
              send_stream(connection, streams.to_us, streams.bytes);
              send_end(connection);
          }};
          arrived_ = read_stream(connection, streams.from_us);
          arrived_.notify_all();
          sender.join();
      }} {}

}  // namespace caponier::ssh::test
