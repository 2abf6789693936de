#pragma once
// Which message may arrive when: role x state x message number, default deny. Every message of the
// peer passes here before anything else looks at it.

#include <cstdint>

#include "ssh/config.h"

namespace caponier::ssh {

/// Where the session stands, as far as it decides what the peer may send.
enum class ProtocolState : std::uint8_t {
    identification,      ///< no packet may come before the identification
    kex_initial,         ///< up to the peer's first SSH_MSG_NEWKEYS
    kex_initial_strict,  ///< the same, once both sides are known to do strict key exchange
    service,             ///< keys are on; the authentication service is being asked for
    authentication,
    open,   ///< authenticated; also after our SSH_MSG_KEXINIT, until the peer's
    rekey,  ///< the peer's SSH_MSG_KEXINIT came; up to its SSH_MSG_NEWKEYS
    ended,
};

enum class Verdict : std::uint8_t {
    process,
    ignore,
    unimplemented,  ///< answer SSH_MSG_UNIMPLEMENTED, go on
    disconnect,     ///< a protocol error
};

/// What happens to message `number` that reaches `receiver` in `state`. Whether a message that is
/// to be processed also fits the finer state (which key exchange message is awaited, which
/// authentication method is in use, whether a channel is open) is checked where it is processed.
[[nodiscard]] Verdict verdict(Role receiver, ProtocolState state, std::uint8_t number) noexcept;

}  // namespace caponier::ssh
