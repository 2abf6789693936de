#pragma once
// Errors that end a session because of a message of the connection protocol.

#include <cstdint>

#include "ssh/error.h"
#include "ssh/event.h"
#include "ssh/wire/message_numbers.h"

namespace caponier::ssh {

inline tl::unexpected<Error> failure(ErrorCode code, std::uint32_t detail) {
    return tl::unexpected{Error{code, detail}};
}

inline tl::unexpected<Error> failure(ErrorCode code, MessageNumber number) {
    return failure(code, static_cast<std::uint32_t>(number));
}

inline tl::unexpected<Error> malformed(MessageNumber number) {
    return failure(ErrorCode::malformed_message, number);
}

inline std::uint32_t number_of(LocalChannelId id) noexcept {
    return static_cast<std::uint32_t>(id);
}

}  // namespace caponier::ssh
