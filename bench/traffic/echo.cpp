// Round trips through one tunnel, one after the other, each timed: as many as are asked for, or as
// many as there is time for.

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include <sys/socket.h>

#include <fmt/format.h>

#include "bench/traffic/arguments.h"
#include "bench/traffic/order.h"
#include "bench/traffic/sockets.h"

namespace caponier::bench {

namespace {

/// The first ones also open the tunnel and warm the caches.
constexpr int trips_not_counted = 10;

void round_trip(const Descriptor& socket, std::span<std::byte> bytes) {
    const auto size = static_cast<ssize_t>(bytes.size());
    std::vector<std::byte>::size_type got = 0;
    if (send(socket.fd(), bytes.data(), bytes.size(), 0) != size) {
        fail("sending");
    }
    while (got < bytes.size()) {
        const ssize_t more = recv(socket.fd(), bytes.data() + got, bytes.size() - got, 0);
        if (more <= 0) {
            errno = more == 0 ? EPROTO : errno;
            fail("waiting for an echo");
        }
        got += static_cast<std::size_t>(more);
    }
}

}  // namespace

int run_echo(const Arguments& arguments) {
    const Descriptor socket = connect_to(endpoint(arguments.text("connect")));
    make_blocking(socket);
    const OrderBytes order = bytes_of({.verb = Verb::echo});
    if (send(socket.fd(), order.data(), order.size(), 0) != static_cast<ssize_t>(order.size())) {
        fail("sending an order");
    }
    std::vector<std::byte> bytes(arguments.number("bytes"), std::byte{0x40});
    for (int i = 0; i < trips_not_counted; ++i) {
        round_trip(socket, bytes);
    }

    const std::uint64_t count = arguments.number("count");
    std::vector<std::uint64_t> trips;
    trips.reserve(count);
    const std::uint64_t begun = now_ns();
    const std::uint64_t end = begun + arguments.number("milliseconds") * 1'000'000;
    std::uint64_t now = begun;
    while (trips.size() < count && now < end) {
        round_trip(socket, bytes);
        const std::uint64_t after = now_ns();
        trips.push_back(after - now);
        now = after;
    }
    fmt::print("{{\"begun_ns\": {}, \"ended_ns\": {}, \"cpu_ns\": {}, \"trips_ns\": [{}]}}\n",
               begun,
               now,
               cpu_ns(),
               fmt::join(trips, ", "));
    return 0;
}

}  // namespace caponier::bench
