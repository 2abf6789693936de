#pragma once
// The contract of session.h over our own transport, authentication and connection layers: the
// default engine, in either role.

#include <memory>

#include "ssh/config.h"
#include "ssh/session.h"

namespace caponier::ssh {

/// `config.random` must be set. A server needs at least one host key in the config.
[[nodiscard]] std::unique_ptr<Session> make_native_session(SessionConfig config);

}  // namespace caponier::ssh
