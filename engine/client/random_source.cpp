// getrandom(2), asked until it has given everything.

#include "engine/client/random_source.h"

#include <cerrno>

#include <sys/random.h>

#include "ssh/expects.h"

namespace caponier::client {

ssh::RandomSource os_random_source() noexcept {
    return {.fill =
                [](void* /*context*/, std::span<std::byte> bytes) noexcept {
                    while (!bytes.empty()) {
                        const ssize_t got = ::getrandom(bytes.data(), bytes.size(), 0);
                        ssh::expects(got > 0 || errno == EINTR);
                        bytes = bytes.subspan(got > 0 ? static_cast<std::size_t>(got) : 0);
                    }
                },
            .context = nullptr};
}

}  // namespace caponier::client
