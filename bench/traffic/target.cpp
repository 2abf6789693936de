// The service behind the tunnels: one thread that does what each connection orders. A sink discards
// in the kernel (MSG_TRUNC) and a source sends pages (cyclic_file.h), so that it costs little
// beside the programs under test. With --greeting-bytes nothing is ordered: the service speaks
// first, and answers requests as its arguments say.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <sys/prctl.h>
#include <sys/socket.h>

#include "bench/traffic/arguments.h"
#include "bench/traffic/cyclic_file.h"
#include "bench/traffic/order.h"
#include "bench/traffic/poller.h"
#include "bench/traffic/pushed_messages.h"
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
    std::uint64_t requests = 0;   ///< that are answered, or whose answer is under way
    bool waits_for_room = false;  ///< an answer
    std::uint64_t due_ns = 0;     ///< when a timetable goes on; 0: it waits for the socket
    std::optional<PushedMessages> pushed;
    bool has_ended = false;  ///< our side; only the peer's end is awaited
};

enum class Next { again, wait, close };

class Target {
  public:
    /// Without `greeting` each connection says itself what it wants.
    struct Greeting {
        Order order;
        std::uint64_t bytes = 0;
    };

    explicit Target(const std::optional<Greeting>& greeting)
        : listener_(listen_on_loopback()), greeting_(greeting) {
        poller_.watch(listener_.fd(), EPOLLIN);
    }

    [[noreturn]] void run() {
        std::printf("{\"port\": %u}\n", port_of(listener_));
        std::fflush(stdout);
        for (;;) {
            for (const epoll_event& event : poller_.wait(patience_ns())) {
                if (event.data.fd == listener_.fd()) {
                    accept_all();
                } else if ((event.events & EPOLLERR) != 0) {
                    close(event.data.fd);
                } else {
                    serve(event.data.fd);
                }
            }
            serve_who_is_due();
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
            if (greeting_) {
                connections_[at]->order = greeting_->order;
                connections_[at]->to_send = greeting_->bytes;
                serve(static_cast<int>(at));
            }
        }
    }

    // A handful of connections have a timetable, so that a list of them is enough.

    [[nodiscard]] std::int64_t patience_ns() const {
        std::uint64_t next = endless;
        for (const int fd : timed_) {
            const std::uint64_t due = connections_[static_cast<std::size_t>(fd)]->due_ns;
            next = due > 0 ? std::min(next, due) : next;
        }
        const std::uint64_t now = now_ns();
        return next == endless ? -1 : next > now ? static_cast<std::int64_t>(next - now) : 0;
    }

    void serve_who_is_due() {
        const std::uint64_t now = now_ns();
        for (const int fd : std::vector<int>{timed_}) {  // serving may take one off the list
            const std::uint64_t due = connections_[static_cast<std::size_t>(fd)]->due_ns;
            if (due > 0 && due <= now) {
                serve(fd);
            }
        }
    }

    void close(int fd) {
        std::erase(timed_, fd);
        connections_[static_cast<std::size_t>(fd)].reset();
    }

    void serve(int fd) {
        auto& connection = connections_[static_cast<std::size_t>(fd)];
        Next next = Next::again;
        for (int i = 0; i < steps_max && next == Next::again; ++i) {
            next = step(*connection);
        }
        if (next == Next::close) {
            close(fd);
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
        case Verb::answer:
            return connection.to_send > 0 ? give_answer(connection) : take_requests(connection);
        case Verb::push:
            return push(connection);
        case Verb::slow_sink:
            return take_slowly(connection);
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
        begin(connection);
        return Next::again;
    }

    void begin(Connection& connection) {
        const Order& order = *connection.order;
        switch (order.verb) {
        case Verb::sealed_source:
            connection.file = &sealed_file();
            connection.to_send = order.count / piece_bytes * packet_bytes(piece_bytes);
            poller_.change(connection.socket.fd(), EPOLLOUT);
            break;
        case Verb::source:
            connection.file = &plain_file();
            connection.to_send = order.count;
            poller_.change(connection.socket.fd(), EPOLLOUT);
            break;
        case Verb::push:
            connection.pushed.emplace(order, now_ns());
            timed_.push_back(connection.socket.fd());
            break;
        case Verb::slow_sink:
            timed_.push_back(connection.socket.fd());
            break;
        case Verb::sink:
        case Verb::echo:
        case Verb::answer:
            break;
        }
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
            end(connection);
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

    Next take_requests(Connection& connection) {
        const ssize_t got = recv(connection.socket.fd(), nullptr, read_bytes_max, MSG_TRUNC);
        if (got <= 0) {
            return got < 0 && would_block() ? Next::wait : Next::close;
        }
        connection.moved += static_cast<std::uint64_t>(got);
        const std::uint64_t requests = connection.moved / connection.order->request_bytes;
        connection.to_send = (requests - connection.requests) * connection.order->answer_bytes;
        connection.requests = requests;
        return connection.to_send > 0 ? Next::again : Next::wait;
    }

    Next give_answer(Connection& connection) {
        const ssize_t sent = send_plain(connection.socket, connection.to_send);
        if (sent <= 0) {
            if (sent == 0 || !would_block()) {
                return Next::close;
            }
            poller_.change(connection.socket.fd(), EPOLLOUT);
            connection.waits_for_room = true;
            return Next::wait;
        }
        connection.to_send -= static_cast<std::uint64_t>(sent);
        if (connection.to_send > 0) {
            return Next::again;
        }
        if (std::exchange(connection.waits_for_room, false)) {
            poller_.change(connection.socket.fd(), EPOLLIN);
        }
        if (connection.requests == connection.order->count) {
            end(connection);
        }
        return Next::wait;
    }

    void end(Connection& connection) {
        shutdown(connection.socket.fd(), SHUT_WR);
        poller_.change(connection.socket.fd(), EPOLLIN);
        connection.has_ended = true;
    }

    Next push(Connection& connection) {
        const auto state = connection.pushed->send_due(connection.socket, now_ns());
        const bool waits_for_time = state == PushedMessages::State::waits_for_time;
        connection.due_ns = waits_for_time ? connection.pushed->due_ns() : 0;
        switch (state) {
        case PushedMessages::State::waits_for_time:
            poller_.change(connection.socket.fd(), 0);
            return Next::wait;
        case PushedMessages::State::waits_for_room:
            poller_.change(connection.socket.fd(), EPOLLOUT);
            return Next::wait;
        case PushedMessages::State::is_over:
            std::erase(timed_, connection.socket.fd());
            end(connection);
            return Next::wait;
        case PushedMessages::State::has_failed:
            break;
        }
        return Next::close;
    }

    Next take_slowly(Connection& connection) {
        const std::uint64_t now = now_ns();
        if (connection.due_ns > now) {
            return Next::wait;
        }
        // A reader that was held up does not catch up: that would be a burst.
        connection.due_ns = now + connection.order->interval_ns;
        poller_.change(connection.socket.fd(), 0);
        const ssize_t got =
            recv(connection.socket.fd(), nullptr, connection.order->request_bytes, MSG_TRUNC);
        if (got > 0) {
            connection.moved += static_cast<std::uint64_t>(got);
        }
        if (got > 0 || (got < 0 && would_block())) {
            return Next::wait;
        }
        send(connection.socket.fd(), &connection.moved, sizeof connection.moved, 0);
        return Next::close;
    }

    static const CyclicFile& sealed_file() {
        static const CyclicFile file{sealed_block()};
        return file;
    }

    Descriptor listener_;
    std::optional<Greeting> greeting_;
    Poller poller_;
    std::vector<std::unique_ptr<Connection>> connections_;  ///< by descriptor
    std::vector<int> timed_;                                ///< those with a timetable
};

}  // namespace

int run_target(const Arguments& arguments) {
    // The kernel may be 50 µs late with a timer otherwise.
    prctl(PR_SET_TIMERSLACK, 1UL);
    std::optional<Target::Greeting> greeting;
    if (const std::uint64_t bytes = arguments.number_or("greeting-bytes", 0); bytes > 0) {
        greeting = {
            .order = {.verb = Verb::answer,
                      .count = endless,
                      .request_bytes =
                          static_cast<std::uint32_t>(arguments.number("request-bytes")),
                      .answer_bytes = static_cast<std::uint32_t>(arguments.number("answer-bytes"))},
            .bytes = bytes};
    }
    Target{greeting}.run();
}

}  // namespace caponier::bench
