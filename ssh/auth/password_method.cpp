// The messages of RFC 4252 8.

#include "ssh/auth/password_method.h"

#include "ssh/auth/public_key_method.h"
#include "ssh/expects.h"
#include "ssh/wire/message_numbers.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

tl::unexpected<Error> malformed(MessageNumber number) noexcept {
    return tl::unexpected{Error{ErrorCode::malformed_message, static_cast<std::uint32_t>(number)}};
}

}  // namespace

SecretBytes make_password_request(std::string_view user, std::span<const std::byte> password) {
    // The number, a flag, and the lengths of four strings.
    constexpr std::size_t frame_bytes = 1 + 1 + 4 * 4;
    SecretBytes payload{frame_bytes + user.size() + connection_service.size() +
                        password_method.size() + password.size()};
    WireWriter out{payload.bytes()};
    out.message(MessageNumber::userauth_request);
    out.text(user);
    out.text(connection_service);
    out.text(password_method);
    out.boolean(false);
    out.string(password);
    expects(out.complete());
    return payload;
}

Result<std::string_view> parse_password_change_request(
    std::span<const std::byte> payload) noexcept {
    WireReader in{payload};
    in.byte();
    const std::string_view prompt = in.text();
    in.text();  // language tag
    if (!in.complete()) {
        return malformed(MessageNumber::userauth_passwd_changereq);
    }
    return prompt;
}

Result<PasswordRequest> parse_password_request(std::span<const std::byte> fields) noexcept {
    WireReader in{fields};
    PasswordRequest request;
    request.is_change = in.boolean();
    request.password = in.string();
    if (request.is_change) {
        request.new_password = in.string();
    }
    if (!in.complete()) {
        return malformed(MessageNumber::userauth_request);
    }
    return request;
}

}  // namespace caponier::ssh
