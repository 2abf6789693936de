#pragma once
// When a message that is not data may leave. What has to wait is kept as flags and sums by its
// owner.

#include "ssh/limits.h"
#include "ssh/transport/transport.h"

namespace caponier::ssh {

/// No key exchange is in the way, and the peer has read enough of what it was sent already.
[[nodiscard]] inline bool has_control_room(const Transport& transport) noexcept {
    return transport.is_open_for_messages() &&
           transport.outbox().bytes() < outbox_control_bytes_max;
}

}  // namespace caponier::ssh
