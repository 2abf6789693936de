#pragma once
// A block of bytes in memory that is sent over and over by sendfile: no copy in the sender, so that
// the generator leaves the processor to the programs under test.

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/types.h>

#include "bench/traffic/sockets.h"

namespace caponier::bench {

class CyclicFile {
  public:
    explicit CyclicFile(std::span<const std::byte> block) noexcept;

    /// Sends up to `bytes_max` bytes of the endless repetition of the block, from its byte
    /// `position` on. Returns what the socket took; negative as send() is.
    [[nodiscard]] ssize_t send(const Descriptor& socket,
                               std::uint64_t position,
                               std::uint64_t bytes_max) const noexcept;

  private:
    Descriptor file_;
    std::uint64_t block_bytes_;
};

/// A block of plain bytes. What they are does not matter to any cipher.
[[nodiscard]] const CyclicFile& plain_file() noexcept;

/// Up to `bytes_max` bytes that mean nothing, in one piece where they are few. As send().
[[nodiscard]] ssize_t send_plain(const Descriptor& socket, std::uint64_t bytes_max) noexcept;

}  // namespace caponier::bench
