#pragma once
// Finds the packets in what the peer sent, checks and opens them in place (RFC 4253 6).

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "ssh/crypto/aead.h"
#include "ssh/error.h"
#include "ssh/transport/packet_sealer.h"

namespace caponier::ssh {

/// An opened packet; the payload lies in the bytes that were given in and is not empty.
struct OpenedPacket {
    std::span<std::byte> payload;
    std::size_t packet_bytes;  ///< how much of the stream it was
    std::uint32_t sequence;
};

class PacketOpener {
  public:
    void use_key(std::unique_ptr<Aead> aead, const CipherShape& shape) noexcept;
    /// Strict key exchange: the sequence number starts again after each NEWKEYS.
    void reset_sequence() noexcept { sequence_ = 0; }

    /// The packet at the front of `stream`; empty if more bytes are needed first, in which case
    /// `stream` is offered again from its first byte. Fails with malformed_packet or
    /// integrity_failure; nothing can be opened after that.
    [[nodiscard]] Result<std::optional<OpenedPacket>> open(std::span<std::byte> stream) noexcept;

    /// How long `stream` has to be for open() to get further: the length field, or the packet once
    /// that was seen.
    [[nodiscard]] std::size_t bytes_wanted() const noexcept {
        return packet_length_bytes + (length_ ? *length_ + tag_bytes_ : 0);
    }

    /// Number of the next packet.
    [[nodiscard]] std::uint32_t sequence() const noexcept { return sequence_; }
    /// Packets under all keys so far.
    [[nodiscard]] std::uint64_t opened() const noexcept { return opened_; }
    [[nodiscard]] const KeyUse& use() const noexcept { return use_; }

  private:
    [[nodiscard]] Result<std::uint32_t> checked_length(std::span<const std::byte> stream) noexcept;

    std::unique_ptr<Aead> aead_;
    std::size_t block_bytes_ = 8;
    std::size_t tag_bytes_ = 0;
    bool pads_length_ = true;
    std::uint32_t sequence_ = 0;
    std::uint64_t opened_ = 0;
    std::optional<std::uint32_t> length_;  ///< of the packet whose rest is awaited
    KeyUse use_;
};

}  // namespace caponier::ssh
