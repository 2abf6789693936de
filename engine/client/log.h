#pragma once
// Where the parts of engine/client put what a user may want to read. forwarder.cpp connects it to
// Reports::log; tests collect the lines.

#include <functional>
#include <string_view>

#include "engine/client/settings.h"

namespace caponier::client {

/// One whole line without a newline and without control characters: whoever logs the words of a
/// peer or of a file passes them through printable() (text_filter.h). From any thread.
using Log = std::function<void(LogLevel level, std::string_view line)>;

}  // namespace caponier::client
