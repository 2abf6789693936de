// Layout of a frame: mark, kind, then channel, sequence number and payload length in four bytes
// each, then the payload. See frames.h.

#include "tests/sim/frames.h"

namespace caponier::sim {

namespace {

constexpr std::byte mark{0xc5};
constexpr std::size_t header_bytes = 14;
constexpr std::uint32_t payload_bytes_max = 64 * 1024;

void put(std::vector<std::byte>& out, std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        out.push_back(static_cast<std::byte>(number >> shift));
    }
}

std::uint32_t number_at(std::span<const std::byte> bytes, std::size_t offset) noexcept {
    std::uint32_t number = 0;
    for (const std::byte byte : bytes.subspan(offset, 4)) {
        number = (number << 8) | std::to_integer<std::uint32_t>(byte);
    }
    return number;
}

}  // namespace

std::uint32_t Frame::number(std::size_t index) const noexcept {
    return payload.size() < (index + 1) * 4 ? 0 : number_at(payload, index * 4);
}

std::vector<std::byte> FrameWriter::write(FrameKind kind,
                                          std::uint32_t channel,
                                          std::span<const std::byte> payload) {
    std::vector<std::byte> out;
    out.reserve(header_bytes + payload.size());
    out.push_back(mark);
    out.push_back(static_cast<std::byte>(kind));
    put(out, channel);
    put(out, sequence_++);
    put(out, static_cast<std::uint32_t>(payload.size()));
    out.insert(out.end(), payload.begin(), payload.end());
    return out;
}

std::vector<std::byte> FrameWriter::write_numbers(FrameKind kind,
                                                  std::uint32_t channel,
                                                  std::span<const std::uint32_t> numbers) {
    std::vector<std::byte> payload;
    for (const std::uint32_t number : numbers) {
        put(payload, number);
    }
    return write(kind, channel, payload);
}

std::size_t FrameReader::bytes_wanted(std::span<const std::byte> rest) noexcept {
    return header_bytes + (rest.size() < header_bytes ? 0 : number_at(rest, 10));
}

std::optional<Frame> FrameReader::next(std::span<std::byte>& rest) noexcept {
    if (broken_ || rest.size() < header_bytes) {
        return std::nullopt;
    }
    const std::uint32_t length = number_at(rest, 10);
    const bool sound = rest[0] == mark &&
                       rest[1] <= std::byte{static_cast<std::uint8_t>(FrameKind::disconnect)} &&
                       number_at(rest, 6) == sequence_ && length <= payload_bytes_max;
    if (!sound) {
        broken_ = true;
        return std::nullopt;
    }
    if (rest.size() < header_bytes + length) {
        return std::nullopt;
    }
    ++sequence_;
    const Frame frame{.kind = static_cast<FrameKind>(rest[1]),
                      .channel = number_at(rest, 2),
                      .payload = rest.subspan(header_bytes, length)};
    rest = rest.subspan(header_bytes + length);
    return frame;
}

}  // namespace caponier::sim
