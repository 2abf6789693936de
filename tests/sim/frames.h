#pragma once
// What a ScriptedSession and a ScriptedServer say to each other instead of SSH: frames with a fixed
// header and no cryptography. Each frame carries its number, so that a byte which was lost,
// repeated or moved between the two ends of the SSH socket breaks the stream at once.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace caponier::sim {

enum class FrameKind : std::uint8_t {
    hello,
    host_key,
    accept_host_key,
    want_identity,
    try_key,
    want_signature,
    signature,
    banner,
    established,
    open,     ///< originator port, target port, window, which placing of the tunnel
    opened,   ///< window, maximum packet
    refused,  ///< reason, unless it is that the target did not want to
    data,
    eof,
    close,
    adjust,  ///< bytes
    probe,
    probe_answer,
    rekey_begin,
    rekey_ready,
    rekey_done,
    disconnect,
};

struct Frame {
    FrameKind kind{};
    std::uint32_t channel = 0;
    std::span<std::byte> payload;

    /// The payload's number at `index`; 0 where there is none.
    [[nodiscard]] std::uint32_t number(std::size_t index) const noexcept;
};

class FrameWriter {
  public:
    [[nodiscard]] std::vector<std::byte> write(FrameKind kind,
                                               std::uint32_t channel,
                                               std::span<const std::byte> payload);
    [[nodiscard]] std::vector<std::byte> write_numbers(FrameKind kind,
                                                       std::uint32_t channel,
                                                       std::span<const std::uint32_t> numbers);

  private:
    std::uint32_t sequence_ = 0;
};

class FrameReader {
  public:
    /// The frame at the front of `rest`, which is moved behind it; nothing if it is not complete,
    /// or if the stream is broken.
    [[nodiscard]] std::optional<Frame> next(std::span<std::byte>& rest) noexcept;
    /// How long `rest` has to be for next() to get further.
    [[nodiscard]] static std::size_t bytes_wanted(std::span<const std::byte> rest) noexcept;
    [[nodiscard]] bool is_broken() const noexcept { return broken_; }

  private:
    std::uint32_t sequence_ = 0;
    bool broken_ = false;
};

}  // namespace caponier::sim
