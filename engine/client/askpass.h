#pragma once
// The program that asks a person for us: SSH_ASKPASS, as ssh(1) has it. It gets the prompt as its
// argument and prints the answer; a blocking call, for the credential threads only.

#include <string>

#include <tl/expected.hpp>

#include "ssh/crypto/secret_bytes.h"

namespace caponier::client {

/// The first line that the program prints. The error is one line: it cannot be run, it refused (an
/// exit status other than 0), or `interrupt`, a descriptor that is not owned, became readable. The
/// program does not outlive the call.
[[nodiscard]] tl::expected<ssh::SecretBytes, std::string> run_askpass(const std::string& program,
                                                                      const std::string& prompt,
                                                                      int interrupt);

}  // namespace caponier::client
