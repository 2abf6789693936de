// One state machine a tunnel, over one epoll.

#include "bench/traffic/tunnel_opener.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/socket.h>

#include <fmt/format.h>

#include "bench/traffic/order.h"

namespace caponier::bench {

namespace {

/// Without any news from any tunnel.
constexpr std::int64_t patience_ns = 20'000'000'000;

}  // namespace

void TunnelOpener::open(std::uint64_t count,
                        std::uint64_t concurrent,
                        const std::function<void(Descriptor)>& opened) {
    std::uint64_t started = 0;
    std::uint64_t done = 0;
    while (done < count) {
        while (started < count && started - done < concurrent) {
            start();
            ++started;
        }
        const auto ready = poller_.wait(patience_ns);
        if (ready.empty()) {
            errno = ETIMEDOUT;
            fail(fmt::format("opening tunnel {} of {}", done + 1, count));
        }
        for (const epoll_event& event : ready) {
            Opening& opening = by_descriptor_[static_cast<std::size_t>(event.data.fd)];
            if (advance(opening)) {
                poller_.change(event.data.fd, 0);
                opened(std::move(opening.socket));
                ++done;
            }
        }
    }
}

void TunnelOpener::start() {
    Descriptor socket = start_connecting(to_);
    const auto at = static_cast<std::size_t>(socket.fd());
    by_descriptor_.resize(std::max(by_descriptor_.size(), at + 1));
    poller_.watch(socket.fd(), EPOLLOUT);
    by_descriptor_[at] = {.socket = std::move(socket), .has_asked = false};
}

bool TunnelOpener::advance(Opening& opening) {
    if (!opening.has_asked) {
        std::array<std::byte, sizeof(Order) + 1> bytes{};
        std::ranges::copy(bytes_of({.verb = Verb::echo}), bytes.begin());
        if (send(opening.socket.fd(), bytes.data(), bytes.size(), 0) !=
            static_cast<ssize_t>(bytes.size())) {
            fail("asking for an echo");
        }
        opening.has_asked = true;
        poller_.change(opening.socket.fd(), EPOLLIN);
        return false;
    }
    std::byte answer{};
    const ssize_t got = recv(opening.socket.fd(), &answer, 1, 0);
    if (got == 1) {
        return true;
    }
    if (got < 0 && would_block()) {
        return false;
    }
    errno = got == 0 ? EPROTO : errno;
    fail("a tunnel was closed before it echoed");
}

}  // namespace caponier::bench
