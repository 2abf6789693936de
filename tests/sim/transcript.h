#pragma once
// An event as a line of text: copied out of its views, so that tests can keep it, compare whole
// runs, and print what happened.

#include <string>

#include "ssh/event.h"

namespace caponier::sim {

/// "ChannelEof 3". Data is told by its length and a checksum.
[[nodiscard]] std::string describe_event(const ssh::Event& event);

}  // namespace caponier::sim
