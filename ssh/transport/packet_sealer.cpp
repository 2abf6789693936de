// From message to sealed packet.

#include "ssh/transport/packet_sealer.h"

#include <algorithm>
#include <utility>

#include "ssh/limits.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

constexpr std::size_t padding_length_bytes = 1;
constexpr std::size_t padding_bytes_min = 4;

/// A request that is bound to the host has all of these, a user's name and a few words.
static_assert(host_key_bytes_max + public_key_blob_bytes_max + signature_bytes_max + 16 * 1024 <
              Outbox::segment_bytes);

}  // namespace

void PacketSealer::use_key(std::unique_ptr<Aead> aead, const CipherShape& shape) noexcept {
    aead_ = std::move(aead);
    block_bytes_ = shape.block_bytes;
    pads_length_ = shape.pads_length;
    tag_bytes_ = shape.tag_bytes;
    use_ = KeyUse{};
}

void PacketSealer::seal(std::span<const std::byte> payload) {
    seal(payload, {});
}

void PacketSealer::seal(std::span<const std::byte> head, std::span<const std::byte> data) {
    const std::size_t payload_bytes = head.size() + data.size();
    // RFC 4253 6: the whole packet is a multiple of the block size; a cipher that does not encrypt
    // the length with the rest leaves it out of that sum.
    const std::size_t aligned_from = pads_length_ ? packet_length_bytes : 0;
    const std::size_t unpadded = aligned_from + padding_length_bytes + payload_bytes;
    // RFC 4253 6: "There MUST be at least four bytes of padding."
    const std::size_t padding_bytes =
        padding_bytes_min +
        (block_bytes_ - (unpadded + padding_bytes_min) % block_bytes_) % block_bytes_;
    const std::size_t packet_length = padding_length_bytes + payload_bytes + padding_bytes;
    const std::size_t packet_bytes = packet_length_bytes + packet_length + tag_bytes_;

    // What a key, a name or a password makes of a message is not always ours to bound.
    refused_ = refused_ || packet_bytes > Outbox::segment_bytes;
    if (refused_) {
        return;
    }
    const std::span<std::byte> packet = outbox_.reserve(packet_bytes);
    WireWriter out{packet};
    out.uint32(static_cast<std::uint32_t>(packet_length));
    out.byte(static_cast<std::uint8_t>(padding_bytes));
    out.fixed(head);
    const std::size_t data_offset = out.size();
    fill_padding(packet.subspan(data_offset + data.size(), padding_bytes));

    if (aead_ && !data.empty()) {
        aead_->seal_from(sequence_, packet, data_offset, data);
    } else {
        std::copy(
            data.begin(), data.end(), packet.begin() + static_cast<std::ptrdiff_t>(data_offset));
        if (aead_) {
            aead_->seal(sequence_, packet);
        }
    }
    outbox_.commit(packet_bytes);
    // RFC 4253 6.4: the number "is never reset" (but by strict key exchange) and wraps at 2^32.
    ++sequence_;
    ++use_.packets;
    use_.bytes += packet_bytes;
}

/// RFC 4253 6: padding "SHOULD consist of random bytes". A stock makes one draw serve many packets.
void PacketSealer::fill_padding(std::span<std::byte> padding) noexcept {
    if (padding.size() > padding_left_) {
        random_(padding_stock_);
        padding_left_ = padding_stock_.size();
    }
    const auto from =
        padding_stock_.begin() + static_cast<std::ptrdiff_t>(padding_stock_.size() - padding_left_);
    std::copy_n(from, padding.size(), padding.begin());
    padding_left_ -= padding.size();
}

}  // namespace caponier::ssh
