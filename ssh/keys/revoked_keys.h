#pragma once
// A list of revoked keys, as RevokedHostKeys names one: public keys, one a line. A line in, a
// verdict out; reading the file, and refusing every host when that fails, is engine/client/'s part.

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>

#include "ssh/error.h"

namespace caponier::ssh {

/// Whether a line of the list, without its end, revokes one of these plain keys: a host's key and,
/// if it came in a certificate, the authority's. Comments and empty lines revoke nothing; a line
/// with a certificate revokes the key in it.
///
/// `unsupported_key` for the first line of a key revocation list, the binary format of ssh-keygen
/// -k; `malformed_key` where a line is no key: it may have been meant for this one.
[[nodiscard]] Result<bool> revokes(std::string_view line,
                                   std::initializer_list<std::span<const std::byte>> keys);

}  // namespace caponier::ssh
