#pragma once
// What sessions of ours speak, by name: what an application may choose from. How the names become
// code is the business of transport/ and crypto/.

#include "ssh/config.h"

namespace caponier::ssh {

/// Every name of every list, best first on this machine. An empty list of a config stands for the
/// same, in the same order (but for host keys, where what is on record comes first). Nothing that
/// is retired is spoken: no SHA-1 but in known_hosts names, no CBC, no DSA, no compression.
[[nodiscard]] AlgorithmLists spoken_algorithms();

}  // namespace caponier::ssh
