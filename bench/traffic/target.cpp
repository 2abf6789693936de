// The service behind the tunnels: one thread that does what each connection orders. A sink discards
// in the kernel (MSG_TRUNC) and a source sends pages (cyclic_file.h), so that it costs little
// beside the programs under test.

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include <sys/socket.h>

#include "bench/traffic/arguments.h"
#include "bench/traffic/cyclic_file.h"
#include "bench/traffic/order.h"
#include "bench/traffic/poller.h"
#include "bench/traffic/sealed_block.h"

namespace caponier::bench {

namespace {

constexpr std::size_t read_bytes_max = std::size_t{1} << 20;
/// Between two looks at the other connections.
constexpr int steps_max = 4;

struct Connection {
    explicit Connection(Descriptor accepted) noexcept : socket(std::move(accepted)) {}

    Descriptor socket;
    OrderBytes order_bytes{};
    std::size_t order_bytes_here = 0;
    std::optional<Order> order;
    const CyclicFile* file = nullptr;
    std::uint64_t moved = 0;
    std::uint64_t to_send = 0;
    bool has_ended = false;  ///< our side; only the peer's end is awaited
};

enum class Next { again, wait, close };

class Target {
  public:
    Target() : listener_(listen_on_loopback()) { poller_.watch(listener_.fd(), EPOLLIN); }

    [[noreturn]] void run() {
        std::printf("{\"port\": %u}\n", port_of(listener_));
        std::fflush(stdout);
        for (;;) {
            for (const epoll_event& event : poller_.wait()) {
                if (event.data.fd == listener_.fd()) {
                    accept_all();
                } else {
                    serve(event.data.fd);
                }
            }
        }
    }

  private:
    void accept_all() {
        for (;;) {
            Descriptor accepted = accept_from(listener_);
            if (!accepted.is_open()) {
                return;
            }
            const auto at = static_cast<std::size_t>(accepted.fd());
            if (connections_.size() <= at) {
                connections_.resize(at + 1);
            }
            poller_.watch(accepted.fd(), EPOLLIN);
            connections_[at] = std::make_unique<Connection>(std::move(accepted));
        }
    }

    void serve(int fd) {
        auto& connection = connections_[static_cast<std::size_t>(fd)];
        Next next = Next::again;
        for (int i = 0; i < steps_max && next == Next::again; ++i) {
            next = step(*connection);
        }
        if (next == Next::close) {
            connection.reset();
        }
    }

    Next step(Connection& connection) {
        if (!connection.order) {
            return read_order(connection);
        }
        if (connection.has_ended) {
            return await_end(connection);
        }
        switch (connection.order->verb) {
        case Verb::sink:
            return take(connection);
        case Verb::source:
        case Verb::sealed_source:
            return give(connection);
        case Verb::echo:
            return send_back(connection);
        }
        return Next::close;
    }

    Next read_order(Connection& connection) {
        const std::span<std::byte> missing =
            std::span{connection.order_bytes}.subspan(connection.order_bytes_here);
        const ssize_t got = recv(connection.socket.fd(), missing.data(), missing.size(), 0);
        if (got <= 0) {
            return got < 0 && would_block() ? Next::wait : Next::close;
        }
        connection.order_bytes_here += static_cast<std::size_t>(got);
        if (connection.order_bytes_here < sizeof(Order)) {
            return Next::wait;
        }
        const Order order = order_of(connection.order_bytes);
        if (order.magic != Order{}.magic) {
            std::fputs("traffic: a connection that orders nothing\n", stderr);
            return Next::close;
        }
        connection.order = order;
        connection.to_send = order.count;
        connection.file = &plain_file();
        if (order.verb == Verb::sealed_source) {
            connection.file = &sealed_file();
            connection.to_send = order.count / piece_bytes * packet_bytes(piece_bytes);
        }
        if (order.verb == Verb::source || order.verb == Verb::sealed_source) {
            poller_.change(connection.socket.fd(), EPOLLOUT);
        }
        return Next::again;
    }

    static Next take(Connection& connection) {
        const ssize_t got = recv(connection.socket.fd(), nullptr, read_bytes_max, MSG_TRUNC);
        if (got < 0) {
            return would_block() ? Next::wait : Next::close;
        }
        if (got > 0) {
            connection.moved += static_cast<std::uint64_t>(got);
            return Next::again;
        }
        send(connection.socket.fd(), &connection.moved, sizeof connection.moved, 0);
        return Next::close;
    }

    Next give(Connection& connection) {
        const std::uint64_t left = connection.to_send - connection.moved;
        if (left == 0) {
            shutdown(connection.socket.fd(), SHUT_WR);
            poller_.change(connection.socket.fd(), EPOLLIN);
            connection.has_ended = true;
            return Next::wait;
        }
        const ssize_t sent = connection.file->send(connection.socket, connection.moved, left);
        if (sent <= 0) {
            return sent < 0 && would_block() ? Next::wait : Next::close;
        }
        connection.moved += static_cast<std::uint64_t>(sent);
        return Next::again;
    }

    static Next await_end(Connection& connection) {
        const ssize_t got = recv(connection.socket.fd(), nullptr, read_bytes_max, MSG_TRUNC);
        return got < 0 && would_block() ? Next::wait : got > 0 ? Next::again : Next::close;
    }

    static Next send_back(Connection& connection) {
        std::array<std::byte, 4'096> bytes;
        const ssize_t got = recv(connection.socket.fd(), bytes.data(), bytes.size(), 0);
        if (got <= 0) {
            return got < 0 && would_block() ? Next::wait : Next::close;
        }
        // Whoever asks for an echo has few bytes under way: they fit, or the test is broken.
        if (send(connection.socket.fd(), bytes.data(), static_cast<std::size_t>(got), 0) != got) {
            reset_at_close(connection.socket);
            return Next::close;
        }
        return Next::wait;
    }

    static const CyclicFile& sealed_file() {
        static const CyclicFile file{sealed_block()};
        return file;
    }

    Descriptor listener_;
    Poller poller_;
    std::vector<std::unique_ptr<Connection>> connections_;  ///< by descriptor
};

}  // namespace

int run_target(const Arguments&) {
    Target{}.run();
}

}  // namespace caponier::bench
