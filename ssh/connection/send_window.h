#pragma once
// What the peer lets us send on one channel (RFC 4254 5.2).

#include <cstdint>

#include "ssh/error.h"

namespace caponier::ssh {

class SendWindow {
  public:
    SendWindow() = default;
    explicit SendWindow(std::uint32_t bytes) noexcept : bytes_{bytes} {}

    [[nodiscard]] std::uint32_t bytes() const noexcept { return bytes_; }

    /// A data string of `bytes`, at most bytes(), is on its way.
    void take(std::uint32_t bytes) noexcept { bytes_ -= bytes; }

    /// SSH_MSG_CHANNEL_WINDOW_ADJUST. Fails with window_overflow and changes nothing.
    [[nodiscard]] Result<void> adjust(std::uint32_t bytes) noexcept {
        // RFC 4254 5.2: "The window MUST NOT be increased above 2^32 - 1 bytes."
        if (bytes > UINT32_MAX - bytes_) {
            return tl::unexpected{Error{ErrorCode::window_overflow}};
        }
        bytes_ += bytes;
        return {};
    }

  private:
    std::uint32_t bytes_ = 0;
};

}  // namespace caponier::ssh
