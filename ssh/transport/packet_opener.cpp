// From stream to message. Every length is checked before anything waits for it or is measured by
// it.

#include "ssh/transport/packet_opener.h"

#include <utility>

#include "ssh/limits.h"
#include "ssh/wire/wire_reader.h"

namespace caponier::ssh {

namespace {

constexpr std::size_t padding_length_bytes = 1;
constexpr std::uint8_t padding_bytes_min = 4;
/// A padding length byte and the least padding; a payload of no bytes is refused further down.
constexpr std::uint32_t packet_length_min = padding_length_bytes + padding_bytes_min;

tl::unexpected<Error> malformed(std::uint32_t detail) {
    return tl::unexpected{Error{ErrorCode::malformed_packet, detail}};
}

}  // namespace

void PacketOpener::use_key(std::unique_ptr<Aead> aead, const CipherShape& shape) noexcept {
    aead_ = std::move(aead);
    block_bytes_ = shape.block_bytes;
    pads_length_ = shape.pads_length;
    tag_bytes_ = shape.tag_bytes;
    use_ = KeyUse{};
}

Result<std::optional<OpenedPacket>> PacketOpener::open(std::span<std::byte> stream) noexcept {
    if (!length_) {
        if (stream.size() < packet_length_bytes) {
            return std::nullopt;
        }
        const Result<std::uint32_t> length = checked_length(stream);
        if (!length) {
            return tl::unexpected{length.error()};
        }
        length_ = *length;
    }
    const std::size_t packet_bytes = bytes_wanted();
    if (stream.size() < packet_bytes) {
        return std::nullopt;
    }
    const std::span<std::byte> packet = stream.first(packet_bytes);
    if (aead_ && !aead_->open(sequence_, packet)) {
        return tl::unexpected{Error{ErrorCode::integrity_failure}};
    }
    // RFC 4253 6: "There MUST be at least four bytes of padding", and it lies within the packet.
    const auto padding_bytes = std::to_integer<std::uint8_t>(packet[packet_length_bytes]);
    if (padding_bytes < padding_bytes_min || padding_length_bytes + padding_bytes >= *length_) {
        return malformed(padding_bytes);
    }
    const std::size_t payload_bytes = *length_ - padding_length_bytes - padding_bytes;
    const OpenedPacket opened{
        packet.subspan(packet_length_bytes + padding_length_bytes, payload_bytes),
        packet_bytes,
        sequence_};
    ++sequence_;
    ++opened_;
    length_.reset();
    ++use_.packets;
    use_.bytes += packet_bytes;
    return opened;
}

Result<std::uint32_t> PacketOpener::checked_length(std::span<const std::byte> stream) noexcept {
    const auto field = stream.first<packet_length_bytes>();
    const std::uint32_t length =
        aead_ ? aead_->packet_length(sequence_, field) : WireReader{field}.uint32();
    if (length < packet_length_min || length > packet_length_max) {
        return malformed(length);
    }
    // RFC 4253 6: a multiple of the cipher block size or 8, the length field included where it is
    // encrypted together with the rest.
    const std::size_t aligned = pads_length_ ? length + packet_length_bytes : length;
    if (aligned % block_bytes_ != 0) {
        return malformed(length);
    }
    return length;
}

}  // namespace caponier::ssh
