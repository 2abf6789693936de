#pragma once
// The order in which a client asks for host key algorithms. A server shows one key, of the first
// algorithm that both sides have: if another type is on record, it would look like a changed key.

#include <span>
#include <string>
#include <vector>

namespace caponier::ssh {

/// `algorithms` with those in front whose key type is among `recorded_types`, certificates of a
/// recorded type first of all: as in ssh, a trusted authority says more than a single key. A
/// certificate's algorithm is in front also where its plain key is on record: if nobody trusts the
/// authority, the key inside is looked up.
[[nodiscard]] std::vector<std::string> recorded_first(std::vector<std::string> algorithms,
                                                      std::span<const std::string> recorded_types);

}  // namespace caponier::ssh
