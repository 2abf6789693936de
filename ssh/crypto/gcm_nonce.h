#pragma once
// The nonce of AES-GCM in SSH (RFC 5647 7.1): four fixed bytes and a 64-bit invocation counter,
// both from the derived IV. It knows nothing of sequence numbers: a rekey brings a new IV, and the
// counter starts from it. Both GCM providers count with this one.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ssh/expects.h"

namespace caponier::ssh {

class GcmNonce {
  public:
    static constexpr std::size_t size_bytes = 12;

    explicit GcmNonce(std::span<const std::byte> iv) noexcept {
        expects(iv.size() == size_bytes);
        std::copy(iv.begin(), iv.end(), bytes_.begin());
    }

    /// libcrypto's and ipsec-mb's view of it; valid until advance().
    [[nodiscard]] const unsigned char* data() const noexcept {
        return reinterpret_cast<const unsigned char*>(bytes_.data());
    }

    /// RFC 5647 7.1: "the invocation field is treated as a 64-bit integer and is incremented after
    /// each invocation of AES-GCM to process a binary packet." Its carry never reaches the fixed
    /// field.
    void advance() noexcept {
        for (std::size_t at = size_bytes; at > fixed_bytes; --at) {
            const auto next =
                static_cast<std::uint8_t>(std::to_integer<unsigned>(bytes_[at - 1]) + 1);
            bytes_[at - 1] = static_cast<std::byte>(next);
            if (next != 0) {
                return;
            }
        }
    }

  private:
    static constexpr std::size_t fixed_bytes = 4;

    std::array<std::byte, size_bytes> bytes_{};
};

}  // namespace caponier::ssh
