#pragma once
// What the tests of Libssh2Session are given.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ssh/expects.h"
#include "ssh/libssh2_session.h"
#include "tests/interop/session/tunnel.h"

namespace caponier::ssh::test {

[[nodiscard]] inline std::unique_ptr<Session> session_with(
    SessionConfig config = config_of_user()) {
    Result<std::unique_ptr<Session>> session = make_libssh2_session(std::move(config));
    expects(session.has_value());
    return std::move(*session);
}

/// An established session with an sshd.
struct Established : Tunnel {
    explicit Established(const std::vector<std::string>& options = {},
                         SessionConfig config = config_of_user())
        : Tunnel{options, session_with(std::move(config))} {}
};

}  // namespace caponier::ssh::test
