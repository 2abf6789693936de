// A server behind the end of authentication: channels, global requests, rekeys. The format of the
// input is in session_steps.h.

#include "tests/fuzz/session_steps.h"

namespace caponier::fuzz {

void try_input(std::span<const std::byte> bytes) {
    Input input{bytes};
    SessionSteps{ssh::Role::server, SessionSteps::From::established}.take(input);
}

}  // namespace caponier::fuzz
