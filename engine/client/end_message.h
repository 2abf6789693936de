#pragma once
// Why a session ended, in the one line that a person reads: what happened, and what to do about it.

#include <string>

#include "engine/client/settings.h"
#include "engine/relay/observer.h"

namespace caponier::client {

/// Free of control characters, whatever the peer said.
[[nodiscard]] std::string end_message(const relay::SessionEnd& end, const Settings& settings);

}  // namespace caponier::client
