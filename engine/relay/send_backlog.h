#pragma once
// Bytes that a local socket did not take at once, copied out of the receive buffer and kept until
// it does. Never larger than the channel's window, empty and without memory for everyone who reads
// as fast as data comes.

#include <cstddef>
#include <span>
#include <vector>

#include "engine/io/completion.h"

namespace caponier::relay {

class SendBacklog {
  public:
    [[nodiscard]] bool empty() const noexcept { return bytes_ == 0; }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

    /// Copies `bytes` to the end. What lend() gave out stays where it is.
    void append(std::span<const std::byte> bytes);
    /// Moves what `behind` holds to the end. Nothing of `behind` may be lent.
    void append(SendBacklog&& behind);
    /// The bytes as the pieces of one send, in order (the first delivery_pieces_max chunks). Valid
    /// until consume() or clear().
    [[nodiscard]] std::span<const io::Piece> lend();
    /// The socket took the first `bytes` of what was lent. Memory that is no longer needed is given
    /// back.
    void consume(std::size_t bytes) noexcept;
    void clear() noexcept;

  private:
    struct Chunk {
        std::vector<std::byte> bytes;
        std::size_t begin = 0;
    };

    std::vector<Chunk> chunks_;
    std::vector<io::Piece> lent_;  ///< one for each of the first chunks
    std::size_t bytes_ = 0;
};

}  // namespace caponier::relay
