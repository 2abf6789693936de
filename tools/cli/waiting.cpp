// poll(2) and eventfd(2) behind waiting.h.

#include "tools/cli/waiting.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/eventfd.h>

#include "engine/io/expects.h"
#include "engine/io/refusal.h"

namespace caponier::cli {

std::optional<std::size_t> wait_readable(std::initializer_list<int> descriptors,
                                         std::chrono::milliseconds limit) {
    std::array<pollfd, 8> polled{};
    io::expects(descriptors.size() <= polled.size());
    std::ranges::transform(descriptors, polled.begin(), [](int descriptor) {
        return pollfd{.fd = descriptor, .events = POLLIN, .revents = 0};
    });

    // Interruption by a signal counts as the limit: who waits asks again.
    if (poll(polled.data(), descriptors.size(), static_cast<int>(limit.count())) <= 0) {
        return std::nullopt;
    }
    const auto* ready =
        std::ranges::find_if(polled, [](const pollfd& entry) { return entry.revents != 0; });
    return static_cast<std::size_t>(ready - polled.begin());
}

tl::expected<Flag, std::string> Flag::make() {
    io::Socket event{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!event) {
        return tl::unexpected{io::explain_refusal("eventfd", io::IoError{errno})};
    }
    return Flag{std::move(event)};
}

void Flag::raise() noexcept {
    // Fails only when the counter is full, and then the flag is up already.
    [[maybe_unused]] const int result = eventfd_write(event_.fd(), 1);
}

}  // namespace caponier::cli
