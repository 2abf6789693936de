#pragma once
// One channel (RFC 4254 5). Plain state: what may happen to it when is connection_layer.cpp's.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ssh/connection/receive_window.h"
#include "ssh/connection/send_window.h"
#include "ssh/event.h"

namespace caponier::ssh {

/// The peer's number of a channel ("sender channel" in what it sends to open one); any uint32.
enum class RemoteChannelId : std::uint32_t {};

enum class ChannelPhase : std::uint8_t {
    free,
    waiting,    ///< open() was called; SSH_MSG_CHANNEL_OPEN waits for its turn
    opening,    ///< SSH_MSG_CHANNEL_OPEN is sent
    requested,  ///< the peer's SSH_MSG_CHANNEL_OPEN waits for the application's answer
    open,       ///< confirmed; see the flags for how much of it is left
};

/// What waits to be sent for a channel: flags and sums instead of queued bytes, so that what is
/// pending is bounded by the number of channels. Sent in this order, the window
/// adjust (ReceiveWindow knows it) behind the failures.
struct PendingControl {
    bool confirmation = false;
    std::uint32_t request_failures = 0;  ///< SSH_MSG_CHANNEL_FAILURE, one a refused request
    bool eof = false;
    bool close = false;
};

struct Channel {
    ChannelPhase phase = ChannelPhase::free;
    bool has_predecessor = false;  ///< a channel before it had the same number
    RemoteChannelId remote{};
    SendWindow send_window;
    ReceiveWindow receive_window;
    std::uint32_t packet_bytes_max = 0;  ///< the peer's "maximum packet size"

    bool eof_sent = false;  ///< or pending
    bool eof_received = false;
    bool close_sent = false;  ///< or pending
    bool close_received = false;
    bool abandoned = false;  ///< the application is through with it and hears nothing more

    PendingControl pending;
    bool listed = false;  ///< among the channels with something pending

    /// The payload of our SSH_MSG_CHANNEL_OPEN, until it is sent.
    std::vector<std::byte> open_request;
};

}  // namespace caponier::ssh
