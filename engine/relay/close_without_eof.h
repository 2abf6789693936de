#pragma once
// How a stream ended whose server closed its channel without SSH_MSG_CHANNEL_EOF. RFC 4254 5.3 asks
// for an EOF ("SHOULD") from who has sent all; most servers send one, so that a CLOSE alone is a
// truncation. Servers made with Go's x/crypto end clean streams with CLOSE alone.

#include <cstdint>
#include <string_view>

namespace caponier::relay {

enum class CloseWithoutEof : std::uint8_t {
    by_server,  ///< fin for servers that are known to close so, reset for all others
    reset,      ///< the local client sees a reset: what it got may not be all
    fin,        ///< the local client sees an end
};

/// Whether such a CLOSE stands for an EOF, at a server with this identification line.
[[nodiscard]] bool close_stands_for_eof(CloseWithoutEof choice,
                                        std::string_view identification) noexcept;

}  // namespace caponier::relay
