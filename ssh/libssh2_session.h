#pragma once
// The contract of session.h over libssh2 1.10, client role only: for servers that speak nothing but
// retired algorithms, chosen per host by the user, and as a second opinion in tests and benchmarks.
// libssh2_session.cpp says where it differs from the contract.

#include <memory>

#include "ssh/config.h"
#include "ssh/error.h"
#include "ssh/session.h"

namespace caponier::ssh {

/// Fails if no descriptor or memory is left (engine_failure) and if none of the configured
/// algorithms of a list is known to libssh2 (no_common_...).
///
/// What a caller has to know beyond session.h:
/// * The bytes of a ChannelData event lie in the buffer that was given to receive(), where they fit
///   into what was consumed of it, and else in memory of the session. Both are valid until the next
///   receive(), expire() or end_of_input(), and the first as long as the caller keeps the buffer.
/// * A next_deadline() that has passed already (at the start, and after a decision of the
///   application) asks for the time: expire() with the present starts the wait.
/// * try_keyboard_interactive() is answered by AuthenticationWanted at once: libssh2 asks in a
///   callback that cannot wait. partial_success is never told.
[[nodiscard]] Result<std::unique_ptr<Session>> make_libssh2_session(SessionConfig config);

/// What libssh2 speaks, in its own order, but for ssh-dss and for lists that it has no say in (the
/// last two, which are empty). Empty lists if it cannot be asked.
[[nodiscard]] AlgorithmLists libssh2_algorithms();

}  // namespace caponier::ssh
