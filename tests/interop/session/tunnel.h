#pragma once
// What most session tests are given: a session that has logged in to an sshd of its own.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ssh/config.h"
#include "ssh/crypto/signing_key.h"
#include "ssh/session.h"
#include "tests/interop/session/sshd.h"
#include "tests/interop/session/wire_driver.h"

namespace caponier::ssh::test {

/// The login name of this process and the kernel's random numbers; all else as by default.
[[nodiscard]] SessionConfig config_of_user();

struct Tunnel {
    /// `options` are lines of sshd_config.
    Tunnel(const std::vector<std::string>& options, std::unique_ptr<Session> session);

    [[nodiscard]] bool until(const std::function<bool()>& condition) {
        return driver.until(condition);
    }

    Sshd sshd;
    SigningKey key = sshd.user_key();
    WireDriver driver;
};

}  // namespace caponier::ssh::test
