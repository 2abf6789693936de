#pragma once
// Makes packets of messages (RFC 4253 6) and seals them into the outbox, in order, under the
// current key of our direction.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "ssh/config.h"
#include "ssh/crypto/aead.h"
#include "ssh/transport/outbox.h"

namespace caponier::ssh {

/// How much went through one key, for the rekey decision.
struct KeyUse {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
};

class PacketSealer {
  public:
    /// `outbox` outlives the sealer. Packets are plaintext until use_key().
    PacketSealer(Outbox& outbox, const RandomSource& random) noexcept
        : outbox_{outbox}, random_{random} {}

    void use_key(std::unique_ptr<Aead> aead, const CipherShape& shape) noexcept;
    /// Strict key exchange: the sequence number starts again after each NEWKEYS.
    void reset_sequence() noexcept { sequence_ = 0; }

    /// A message that is larger than a segment of the outbox is not sealed, and none behind it,
    /// because the peer would miss it: has_refused() says so. Larger ones have no honest reason.
    void seal(std::span<const std::byte> payload);
    /// One message whose payload is `head` and then `data`; the cipher's pass brings `data` from
    /// where it lies into the outbox.
    void seal(std::span<const std::byte> head, std::span<const std::byte> data);

    [[nodiscard]] bool has_refused() const noexcept { return refused_; }
    /// For the SSH_MSG_DISCONNECT that is the answer to it.
    void seal_again() noexcept { refused_ = false; }

    /// Number of the next packet.
    [[nodiscard]] std::uint32_t sequence() const noexcept { return sequence_; }
    [[nodiscard]] const KeyUse& use() const noexcept { return use_; }

  private:
    void fill_padding(std::span<std::byte> padding) noexcept;

    Outbox& outbox_;
    RandomSource random_;
    std::unique_ptr<Aead> aead_;
    std::size_t block_bytes_ = 8;
    std::size_t tag_bytes_ = 0;
    bool pads_length_ = true;
    bool refused_ = false;
    std::uint32_t sequence_ = 0;
    KeyUse use_;
    std::array<std::byte, 512> padding_stock_{};
    std::size_t padding_left_ = 0;
};

}  // namespace caponier::ssh
