// A server from its first byte on: identification, key exchange without a key, and what follows.
// The format of the input is in session_steps.h.

#include "tests/fuzz/session_steps.h"

namespace caponier::fuzz {

void try_input(std::span<const std::byte> bytes) {
    Input input{bytes};
    SessionSteps{ssh::Role::server, SessionSteps::From::start}.take(input);
}

}  // namespace caponier::fuzz
