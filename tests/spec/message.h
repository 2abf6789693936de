#pragma once
// Messages for the scripted peer, field by field, right ones and wrong ones alike.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ssh/wire/bytes.h"
#include "ssh/wire/message_numbers.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::spec {

using Bytes = std::vector<std::byte>;

/// Message{MessageNumber::channel_data}.uint32(0).text("abc").
class Message {
  public:
    explicit Message(ssh::MessageNumber number) { writer().message(number); }
    /// A number that nobody assigned.
    explicit Message(std::uint8_t number) { writer().byte(number); }

    Message& byte(std::uint8_t value) { return writer().byte(value), *this; }
    Message& boolean(bool value) { return writer().boolean(value), *this; }
    Message& uint32(std::uint32_t value) { return writer().uint32(value), *this; }
    Message& text(std::string_view value) { return writer().text(value), *this; }
    Message& string(std::span<const std::byte> value) { return writer().string(value), *this; }
    /// Bytes without a length.
    Message& fixed(std::span<const std::byte> value) { return writer().fixed(value), *this; }

    [[nodiscard]] std::span<const std::byte> payload() const noexcept { return bytes_; }
    // So that a message is a payload wherever one is wanted.
    operator std::span<const std::byte>() const noexcept {  // NOLINT(google-explicit-constructor)
        return bytes_;
    }

  private:
    [[nodiscard]] ssh::WireWriter writer() noexcept { return ssh::WireWriter{bytes_}; }

    Bytes bytes_;
};

[[nodiscard]] inline Bytes copy(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

[[nodiscard]] inline Message channel_data(std::uint32_t recipient, std::string_view data) {
    return Message{ssh::MessageNumber::channel_data}.uint32(recipient).text(data);
}
[[nodiscard]] inline Message window_adjust(std::uint32_t recipient, std::uint32_t bytes) {
    return Message{ssh::MessageNumber::channel_window_adjust}.uint32(recipient).uint32(bytes);
}
[[nodiscard]] inline Message channel_eof(std::uint32_t recipient) {
    return Message{ssh::MessageNumber::channel_eof}.uint32(recipient);
}
[[nodiscard]] inline Message channel_close(std::uint32_t recipient) {
    return Message{ssh::MessageNumber::channel_close}.uint32(recipient);
}
[[nodiscard]] inline Message global_request(std::string_view name, bool want_reply) {
    return Message{ssh::MessageNumber::global_request}.text(name).boolean(want_reply);
}
[[nodiscard]] inline Message channel_request(std::uint32_t recipient,
                                             std::string_view name,
                                             bool want_reply) {
    return Message{ssh::MessageNumber::channel_request}.uint32(recipient).text(name).boolean(
        want_reply);
}
[[nodiscard]] inline Message ignore(std::string_view data) {
    return Message{ssh::MessageNumber::ignore}.text(data);
}

}  // namespace caponier::spec
