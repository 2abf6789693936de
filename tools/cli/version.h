#pragma once
// What `caponier -V` says: our version and those of the libraries that a report of a fault needs.

#include <string>

namespace caponier::cli {

/// "Caponier 0.1.0, libssh2 1.10.0, OpenSSL 3.0.15": the libraries that run, not those that were
/// compiled against.
[[nodiscard]] std::string version_line();

}  // namespace caponier::cli
