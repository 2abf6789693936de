#pragma once
// A name that stands for a host only in the user's ssh_config file. That file is not read yet, so
// that whoever comes from ssh meets an error for a name that works there.

#include <string>
#include <string_view>

#include "engine/client/path_expansion.h"

namespace caponier::client {

/// A Host line of this ssh_config(5) text names `host` literally: patterns and negations do not
/// count, because they say nothing about this host in particular.
[[nodiscard]] bool has_host_line(std::string_view config, std::string_view host);

/// One line that says so, where ~/.ssh/config has such a line; else empty. Reads that file.
[[nodiscard]] std::string alias_hint(std::string_view host, const Account& account);

}  // namespace caponier::client
