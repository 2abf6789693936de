// A client from the first keys on: service, authentication, and what follows. The format of the
// input is in session_steps.h.

#include "tests/fuzz/session_steps.h"

namespace caponier::fuzz {

void try_input(std::span<const std::byte> bytes) {
    Input input{bytes};
    SessionSteps{ssh::Role::client, SessionSteps::From::keys}.take(input);
}

}  // namespace caponier::fuzz
