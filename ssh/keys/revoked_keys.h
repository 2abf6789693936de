#pragma once
// A list of revoked keys, as RevokedHostKeys names one: public keys, one a line. Text in, verdict
// out; reading the file, and refusing every host when that fails, is engine/client/'s part.

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

#include "ssh/error.h"

namespace caponier::ssh {

/// The line, counted from 1, that revokes one of these plain keys: a host's key and, if it came in
/// a certificate, the authority's. Empty if none does. A line with a certificate revokes the key in
/// it.
///
/// `unsupported_key` for a key revocation list, the binary format of ssh-keygen -k; `malformed_key`
/// with the line's number as its detail where a line is no key: it may have been meant for this
/// one.
[[nodiscard]] Result<std::optional<std::size_t>> find_revoked(
    std::string_view text, std::initializer_list<std::span<const std::byte>> keys);

}  // namespace caponier::ssh
