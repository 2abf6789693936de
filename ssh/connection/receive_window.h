#pragma once
// What we let the peer send on one channel (RFC 4254 5.2), and where every byte of it is. At all
// times open() + owed() + credit() == size():
//   open    the peer may still send it
//   owed    arrived, and the local socket has not taken it yet
//   credit  taken by the local socket, and not given back to the peer yet

#include <algorithm>
#include <cstdint>

#include "ssh/error.h"

namespace caponier::ssh {

class ReceiveWindow {
  public:
    ReceiveWindow() = default;
    explicit ReceiveWindow(std::uint32_t size) noexcept : size_{size}, open_{size} {}

    [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
    [[nodiscard]] std::uint32_t open() const noexcept { return open_; }
    [[nodiscard]] std::uint32_t owed() const noexcept { return owed_; }
    [[nodiscard]] std::uint32_t credit() const noexcept { return credit_; }

    /// A data string of `bytes` arrived. Fails with window_exceeded, detail: by how much.
    [[nodiscard]] Result<void> receive(std::uint32_t bytes) noexcept {
        if (bytes > open_) {
            return tl::unexpected{Error{ErrorCode::window_exceeded, bytes - open_}};
        }
        open_ -= bytes;
        owed_ += bytes;
        return {};
    }

    /// The local socket took `bytes`, at most owed().
    void grant(std::uint32_t bytes) noexcept {
        owed_ -= bytes;
        credit_ += bytes;
    }

    /// The local socket took `bytes`, at most owed(), and the peer does not get them back: the
    /// window shrinks by as much.
    void withhold(std::uint32_t bytes) noexcept {
        owed_ -= bytes;
        size_ -= bytes;
    }

    /// Lets the window grow; the peer learns of it with the next adjust. Never above 2^32 - 1.
    void widen(std::uint32_t bytes) noexcept {
        const std::uint32_t by = bytes < UINT32_MAX - size_ ? bytes : UINT32_MAX - size_;
        size_ += by;
        credit_ += by;
    }

    /// Enough has gathered for an adjust: a quarter of the window, but no crumbs of a small one and
    /// no more of a large one than makes an adjust's cost vanish. Once the local socket has taken
    /// everything, less than half a window is never kept back, so that the peer cannot be left
    /// waiting.
    [[nodiscard]] bool adjust_is_due() const noexcept {
        constexpr std::uint32_t crumbs_bytes = 128 * 1024;
        constexpr std::uint32_t plenty_bytes = 1024 * 1024;
        const std::uint32_t enough = std::clamp(size_ / 4, crumbs_bytes, plenty_bytes);
        return credit_ > 0 && credit_ >= std::min(size_ / 2, enough);
    }

    /// Gives the credit back: the number for SSH_MSG_CHANNEL_WINDOW_ADJUST.
    [[nodiscard]] std::uint32_t take_adjust() noexcept {
        const std::uint32_t bytes = credit_;
        open_ += bytes;
        credit_ = 0;
        return bytes;
    }

  private:
    std::uint32_t size_ = 0;
    std::uint32_t open_ = 0;
    std::uint32_t owed_ = 0;
    std::uint32_t credit_ = 0;
};

}  // namespace caponier::ssh
