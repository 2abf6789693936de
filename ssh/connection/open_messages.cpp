// Opening channels, field by field.

#include "ssh/connection/open_messages.h"

#include "ssh/wire/message_numbers.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

tl::unexpected<Error> malformed(MessageNumber number) {
    return tl::unexpected{Error{ErrorCode::malformed_message, static_cast<std::uint32_t>(number)}};
}

ChannelOffer read_offer(WireReader& in) noexcept {
    return {.number = in.uint32(), .window_bytes = in.uint32(), .packet_bytes_max = in.uint32()};
}

}  // namespace

std::string_view type_name(ChannelKind kind) noexcept {
    switch (kind) {
    case ChannelKind::direct_tcpip:
        return "direct-tcpip";
    case ChannelKind::direct_streamlocal:
        return "direct-streamlocal@openssh.com";
    case ChannelKind::forwarded_tcpip:
        return "forwarded-tcpip";
    case ChannelKind::forwarded_streamlocal:
        return "forwarded-streamlocal@openssh.com";
    }
    return {};
}

std::optional<ChannelKind> kind_of(std::string_view type) noexcept {
    for (const ChannelKind kind : {ChannelKind::direct_tcpip,
                                   ChannelKind::direct_streamlocal,
                                   ChannelKind::forwarded_tcpip,
                                   ChannelKind::forwarded_streamlocal}) {
        if (type_name(kind) == type) {
            return kind;
        }
    }
    return std::nullopt;
}

std::vector<std::byte> make_channel_open(const OpenTarget& target, const ChannelOffer& offer) {
    std::vector<std::byte> payload;
    WireWriter out{payload};
    // RFC 4254 5.1
    out.message(MessageNumber::channel_open);
    out.text(type_name(target.kind));
    out.uint32(offer.number);
    out.uint32(offer.window_bytes);
    out.uint32(offer.packet_bytes_max);
    switch (target.kind) {
    case ChannelKind::direct_tcpip:
    case ChannelKind::forwarded_tcpip:
        // RFC 4254 7.2
        out.text(target.host);
        out.uint32(target.port);
        out.text(target.originator_host);
        out.uint32(target.originator_port);
        break;
    case ChannelKind::direct_streamlocal:
        // OpenSSH PROTOCOL 2.4: "string reserved, uint32 reserved" behind the path
        out.text(target.host);
        out.text({});
        out.uint32(0);
        break;
    case ChannelKind::forwarded_streamlocal:
        out.text(target.host);
        out.text({});
        break;
    }
    return payload;
}

Result<ChannelOpenRequest> parse_channel_open(std::span<const std::byte> payload) noexcept {
    // RFC 4254 5.1
    WireReader in{payload};
    in.byte();
    ChannelOpenRequest message{.type = in.text(), .offer = read_offer(in), .fields = in.rest()};
    if (!in.complete()) {
        return malformed(MessageNumber::channel_open);
    }
    return message;
}

Result<OpenTarget> parse_open_fields(ChannelKind kind, std::span<const std::byte> fields) noexcept {
    WireReader in{fields};
    OpenTarget target;
    target.kind = kind;
    target.host = in.text();
    std::uint32_t port = 0;
    std::uint32_t originator_port = 0;
    switch (kind) {
    case ChannelKind::direct_tcpip:
    case ChannelKind::forwarded_tcpip:
        // RFC 4254 7.2
        port = in.uint32();
        target.originator_host = in.text();
        originator_port = in.uint32();
        break;
    case ChannelKind::direct_streamlocal:
        // OpenSSH PROTOCOL 2.4: "string reserved, uint32 reserved"
        in.text();
        in.uint32();
        break;
    case ChannelKind::forwarded_streamlocal:
        // "The reserved field is not currently defined and is ignored on the remote end."
        in.text();
        break;
    }
    if (!in.complete() || port > UINT16_MAX || originator_port > UINT16_MAX) {
        return malformed(MessageNumber::channel_open);
    }
    target.port = static_cast<std::uint16_t>(port);
    target.originator_port = static_cast<std::uint16_t>(originator_port);
    return target;
}

Result<ChannelOpenConfirmation> parse_channel_open_confirmation(
    std::span<const std::byte> payload) noexcept {
    // RFC 4254 5.1; fields of the channel type may follow, ours have none.
    WireReader in{payload};
    in.byte();
    ChannelOpenConfirmation message{.ours = LocalChannelId{in.uint32()}, .theirs = read_offer(in)};
    if (!in.complete()) {
        return malformed(MessageNumber::channel_open_confirmation);
    }
    return message;
}

Result<ChannelOpenFailure> parse_channel_open_failure(std::span<const std::byte> payload) noexcept {
    // RFC 4254 5.1
    WireReader in{payload};
    in.byte();
    ChannelOpenFailure message{
        .ours = LocalChannelId{in.uint32()}, .reason = OpenFailure{in.uint32()}, .text = in.text()};
    in.text();  // language tag
    if (!in.complete()) {
        return malformed(MessageNumber::channel_open_failure);
    }
    return message;
}

}  // namespace caponier::ssh
