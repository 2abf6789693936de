#pragma once
// Writes the input of a session target, steps in the format of session_steps.h, and the messages
// that open channels.

#include <cstdint>
#include <span>
#include <string_view>

#include "tests/fuzz/session_steps.h"
#include "tests/spec/message.h"

namespace caponier::fuzz {

class Script {
  public:
    Script& step(Step step) { return byte(static_cast<std::uint8_t>(step)); }
    Script& byte(std::uint8_t value) { return bytes_.push_back(std::byte{value}), *this; }
    Script& uint16(std::size_t value) {
        return byte(static_cast<std::uint8_t>(value >> 8U)).byte(static_cast<std::uint8_t>(value));
    }
    Script& message(std::span<const std::byte> payload) {
        step(Step::message).uint16(payload.size());
        bytes_.insert(bytes_.end(), payload.begin(), payload.end());
        return *this;
    }
    Script& raw(std::span<const std::byte> bytes) {
        step(Step::raw).uint16(bytes.size());
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        return *this;
    }
    Script& again(std::uint8_t count) { return step(Step::again).byte(count); }
    Script& on(Step what, std::uint8_t channel) { return step(what).byte(channel); }
    Script& send(std::uint8_t channel, std::size_t bytes) {
        return on(Step::send, channel).uint16(bytes);
    }
    [[nodiscard]] spec::Bytes bytes() const { return bytes_; }

  private:
    spec::Bytes bytes_;
};

/// SSH_MSG_CHANNEL_OPEN of a type that carries nothing else.
inline spec::Message open_of(std::string_view type) {
    return spec::Message{ssh::MessageNumber::channel_open}.text(type).uint32(3).uint32(9).uint32(9);
}

inline spec::Message confirmation(std::uint32_t channel,
                                  std::uint32_t window,
                                  std::uint32_t packet) {
    return spec::Message{ssh::MessageNumber::channel_open_confirmation}
        .uint32(channel)
        .uint32(7)
        .uint32(window)
        .uint32(packet);
}

inline spec::Message direct_tcpip(std::uint32_t window, std::uint32_t packet) {
    return spec::Message{ssh::MessageNumber::channel_open}
        .text("direct-tcpip")
        .uint32(7)
        .uint32(window)
        .uint32(packet)
        .text("db")
        .uint32(5432)
        .text("::1")
        .uint32(9);
}

}  // namespace caponier::fuzz
