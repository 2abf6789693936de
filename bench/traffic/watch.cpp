// Takes the messages that the target pushes, and says of each how long after its due time it came.

#include <algorithm>
#include <array>
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

constexpr std::size_t read_bytes_max = std::size_t{256} << 10;

/// Finds the times in a stream of messages, however it is cut.
class Messages {
  public:
    explicit Messages(std::size_t message_bytes) noexcept : message_bytes_(message_bytes) {}

    /// A message counts as here when its last byte is.
    void take(std::span<const std::byte> bytes, std::uint64_t now) {
        while (!bytes.empty()) {
            if (here_ < sizeof(DueTime)) {
                const std::size_t more = std::min(sizeof(DueTime) - here_, bytes.size());
                std::memcpy(due_.data() + here_, bytes.data(), more);
            }
            const std::size_t more = std::min(message_bytes_ - here_, bytes.size());
            here_ += more;
            bytes = bytes.subspan(more);
            if (here_ == message_bytes_) {
                here_ = 0;
                add(now);
            }
        }
    }

    [[nodiscard]] const std::vector<std::uint64_t>& lags_ns() const noexcept { return lags_ns_; }

  private:
    void add(std::uint64_t now) {
        DueTime due = 0;
        std::memcpy(&due, due_.data(), sizeof due);
        // They are sent in the order of their times: another time would be somebody else's bytes.
        if (due <= due_before_ || due > now) {
            errno = EPROTO;
            fail("a pushed message does not follow the one before");
        }
        due_before_ = due;
        lags_ns_.push_back(now - due);
    }

    std::size_t message_bytes_;
    std::size_t here_ = 0;  ///< of the message that is coming
    std::array<std::byte, sizeof(DueTime)> due_{};
    DueTime due_before_ = 0;
    std::vector<std::uint64_t> lags_ns_;
};

}  // namespace

int run_watch(const Arguments& arguments) {
    const Descriptor socket = connect_to(endpoint(arguments.text("connect")));
    make_blocking(socket);
    const std::uint64_t count = arguments.number("count");
    const std::uint64_t message_bytes = arguments.number("bytes");
    const Order order{.verb = Verb::push,
                      .count = count,
                      .answer_bytes = static_cast<std::uint32_t>(message_bytes),
                      .interval_ns = arguments.number("interval-us") * 1'000};
    const OrderBytes order_bytes = bytes_of(order);
    if (send(socket.fd(), order_bytes.data(), order_bytes.size(), 0) !=
        static_cast<ssize_t>(order_bytes.size())) {
        fail("sending an order");
    }
    const std::uint64_t begun = now_ns();
    Messages messages{message_bytes};
    std::vector<std::byte> room(read_bytes_max);
    for (;;) {
        const ssize_t got = recv(socket.fd(), room.data(), room.size(), 0);
        if (got < 0) {
            fail("waiting for a message");
        }
        if (got == 0) {
            break;
        }
        messages.take(std::span{room}.first(static_cast<std::size_t>(got)), now_ns());
    }
    if (messages.lags_ns().size() != count) {
        errno = EPROTO;
        fail(fmt::format("{} of {} messages came", messages.lags_ns().size(), count));
    }
    fmt::print("{{\"begun_ns\": {}, \"ended_ns\": {}, \"cpu_ns\": {}, \"lags_ns\": [{}]}}\n",
               begun,
               now_ns(),
               cpu_ns(),
               fmt::join(messages.lags_ns(), ", "));
    return 0;
}

}  // namespace caponier::bench
