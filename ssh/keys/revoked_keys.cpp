// Lists of revoked keys; see revoked_keys.h. authfile.c's sshkey_in_file() reads them so.

#include "ssh/keys/revoked_keys.h"

#include <algorithm>

#include "ssh/keys/certificate.h"
#include "ssh/keys/public_key.h"
#include "ssh/keys/text_lines.h"

namespace caponier::ssh {

namespace {

/// PROTOCOL.krl 1: "#define KRL_MAGIC 0x5353484b524c0a00ULL", which is "SSHKRL\n\0". A list of keys
/// may not begin so, because this is no key either.
constexpr std::string_view krl_magic = "SSHKRL";

}  // namespace

Result<bool> revokes(std::string_view line,
                     std::initializer_list<std::span<const std::byte>> keys) {
    if (line == krl_magic) {
        return tl::unexpected{Error{ErrorCode::unsupported_key}};
    }
    const std::string_view words = trim(line);
    if (words.empty() || words.starts_with('#')) {
        return false;
    }
    const Result<PublicKeyText> key = parse_public_key_line(words);
    if (!key) {
        return tl::unexpected{Error{ErrorCode::malformed_key}};
    }
    const std::vector<std::byte> revoked = key_without_certificate(key->blob);
    return std::ranges::any_of(keys, [&revoked](std::span<const std::byte> shown) {
        return std::ranges::equal(blob_under_own_name(shown), revoked);
    });
}

}  // namespace caponier::ssh
