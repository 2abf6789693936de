// Lists of revoked keys; see revoked_keys.h. authfile.c's sshkey_in_file() reads them so.

#include "ssh/keys/revoked_keys.h"

#include <algorithm>
#include <cstdint>

#include "ssh/keys/certificate.h"
#include "ssh/keys/public_key.h"
#include "ssh/keys/text_lines.h"

namespace caponier::ssh {

namespace {

/// PROTOCOL.krl 1: "#define KRL_MAGIC 0x5353484b524c0a00ULL".
constexpr std::string_view krl_magic{"SSHKRL\n\0", 8};

}  // namespace

Result<std::optional<std::size_t>> find_revoked(
    std::string_view text, std::initializer_list<std::span<const std::byte>> keys) {
    if (text.starts_with(krl_magic)) {
        return tl::unexpected{Error{ErrorCode::unsupported_key}};
    }
    TextLines lines{text};
    while (const std::optional<std::string_view> line = lines.next()) {
        const std::string_view words = trim(*line);
        if (words.empty() || words.starts_with('#')) {
            continue;
        }
        const Result<PublicKeyText> key = parse_public_key_line(words);
        if (!key) {
            return tl::unexpected{
                Error{ErrorCode::malformed_key, static_cast<std::uint32_t>(lines.number())}};
        }
        const std::vector<std::byte> revoked = key_without_certificate(key->blob);
        if (std::ranges::any_of(keys, [&revoked](std::span<const std::byte> shown) {
                return std::ranges::equal(blob_under_own_name(shown), revoked);
            })) {
            return lines.number();
        }
    }
    return std::nullopt;
}

}  // namespace caponier::ssh
