#pragma once
// Why a session ended, as a person reads it: what happened, and what to do about it.

#include <string>
#include <vector>

#include "engine/client/settings.h"
#include "engine/relay/observer.h"

namespace caponier::client {

/// Lines; the first says what happened, and if there are more, they say what to do. Free of control
/// characters, whatever the peer said.
[[nodiscard]] std::vector<std::string> end_message(const relay::SessionEnd& end,
                                                   const Settings& settings);

}  // namespace caponier::client
