#pragma once
// One buffer of the SSH socket while it is served: the packets in it were opened in place, and the
// local sockets are sending straight out of it. The buffer goes back to its pool when the last of
// those sends has completed, which is one turn of the loop later.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/io/buffer_pool.h"
#include "engine/io/completion.h"
#include "engine/relay/upstream.h"

namespace caponier::relay {

class ReceiveRound {
  public:
    /// A chain of pieces of one stream, in order; `none` is the empty chain.
    enum class Link : std::uint32_t { none = 0 };

    [[nodiscard]] bool is_free() const noexcept { return retained_ == 0; }
    /// Starts to serve `bytes`, which lie in `lease`. Retained once for the caller.
    void begin(io::Lease&& lease, std::span<const std::byte> bytes) noexcept;
    [[nodiscard]] bool holds(std::span<const std::byte> bytes) const noexcept;

    /// Adds a piece behind `last` (of the same stream) and returns the new end of the chain.
    [[nodiscard]] Link add(std::span<const std::byte> bytes, Link last);
    /// The chain as one array, in order, at most delivery_pieces_max of it: valid until the round
    /// is released.
    struct Gathered {
        std::span<const io::Piece> pieces;
        Link rest;  ///< what did not fit
    };
    [[nodiscard]] Gathered gather(Link first);
    /// The bytes of one link and the link behind it.
    struct Step {
        std::span<const std::byte> bytes;
        Link next;
    };
    [[nodiscard]] Step step(Link link) const noexcept;

    /// Whoever got data in this round, to be told deliver() once.
    std::vector<StreamUser*>& touched() noexcept { return touched_; }

    void retain() noexcept { ++retained_; }
    void release() noexcept;

  private:
    struct Node {
        std::span<const std::byte> bytes;
        Link next = Link::none;
    };

    io::Lease lease_;
    std::span<const std::byte> bytes_;
    std::vector<Node> nodes_;  ///< Link n is nodes_[n - 1]
    std::vector<std::vector<io::Piece>> gathered_;
    std::size_t gathered_used_ = 0;
    std::vector<StreamUser*> touched_;
    std::uint32_t retained_ = 0;
};

}  // namespace caponier::relay
