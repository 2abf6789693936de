#pragma once
// SSH_MSG_CHANNEL_OPEN and its two answers (RFC 4254 5.1), with the channel types of forwarding
// (RFC 4254 7.2, OpenSSH PROTOCOL 2.4).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ssh/connection/channel.h"
#include "ssh/error.h"
#include "ssh/session.h"

namespace caponier::ssh {

/// What each side tells the other about its end of a channel.
struct ChannelOffer {
    std::uint32_t number = 0;  ///< the sender's
    std::uint32_t window_bytes = 0;
    std::uint32_t packet_bytes_max = 0;
};

/// The channel type on the wire.
[[nodiscard]] std::string_view type_name(ChannelKind kind) noexcept;
/// The kind with this name; empty for any other type.
[[nodiscard]] std::optional<ChannelKind> kind_of(std::string_view type) noexcept;

[[nodiscard]] std::vector<std::byte> make_channel_open(const OpenTarget& target,
                                                       const ChannelOffer& offer);

/// Views into the payload.
struct ChannelOpenRequest {
    std::string_view type;
    ChannelOffer offer;
    std::span<const std::byte> fields;  ///< those of the type
};
[[nodiscard]] Result<ChannelOpenRequest> parse_channel_open(
    std::span<const std::byte> payload) noexcept;

/// The fields of the kind; malformed_message also for a port above 65535.
[[nodiscard]] Result<OpenTarget> parse_open_fields(ChannelKind kind,
                                                   std::span<const std::byte> fields) noexcept;

struct ChannelOpenConfirmation {
    LocalChannelId ours{};
    ChannelOffer theirs;
};
[[nodiscard]] Result<ChannelOpenConfirmation> parse_channel_open_confirmation(
    std::span<const std::byte> payload) noexcept;

struct ChannelOpenFailure {
    LocalChannelId ours{};
    OpenFailure reason{};
    std::string_view text;
};
[[nodiscard]] Result<ChannelOpenFailure> parse_channel_open_failure(
    std::span<const std::byte> payload) noexcept;

}  // namespace caponier::ssh
