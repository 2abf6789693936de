// Opening channels (RFC 4254 5.1, 7.2). libssh2 keeps the state of one open per session, so the
// others wait in order; what keeps flowing meanwhile is everything else, because the replies are
// looked for in what was read already and nothing here blocks. libssh2 gives an open up after 60
// seconds without a reply. One that the peer confirms after that stays open there, with a window of
// 0, until the session ends: libssh2 has forgotten its number.

#include <utility>

#include "ssh/expects.h"
#include "ssh/libssh2_channels.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

constexpr std::string_view direct_tcpip = "direct-tcpip";
constexpr std::string_view direct_streamlocal = "direct-streamlocal@openssh.com";
/// RFC 4254 5.1: "If the recipient of the SSH_MSG_CHANNEL_OPEN message does not support the
/// specified 'channel type', it responds with SSH_MSG_CHANNEL_OPEN_FAILURE."
constexpr std::string_view unknown_type = "sign-of-life@caponier";

/// libssh2 counts in whole seconds from some time in a second, and gives up at 60.
constexpr std::chrono::seconds open_timeout{61};
constexpr std::chrono::seconds open_timeout_check{1};

struct Refusal {
    std::string_view words;  ///< in libssh2's message
    OpenFailure reason;
    std::string_view text;
};

/// libssh2 keeps neither the code nor the peer's words, only a sentence of its own per code.
constexpr Refusal refusals[] = {
    {"administratively prohibited",
     OpenFailure::administratively_prohibited,
     "administratively prohibited"},
    {"connect failed", OpenFailure::connect_failed, "connect failed"},
    {"unknown channel type", OpenFailure::unknown_channel_type, "unknown channel type"},
    {"resource shortage", OpenFailure::resource_shortage, "resource shortage"},
};

Refusal refusal_of(std::string_view message) noexcept {
    for (const Refusal& refusal : refusals) {
        if (message.find(refusal.words) != std::string_view::npos) {
            return refusal;
        }
    }
    return {{}, OpenFailure::connect_failed, "refused for another reason"};
}

std::vector<std::byte> message_of(const OpenTarget& target) {
    std::vector<std::byte> message;
    WireWriter out{message};
    out.text(target.host);
    if (target.kind == OpenTarget::Kind::direct_tcpip) {
        out.uint32(target.port);
        out.text(target.originator_host);
        out.uint32(target.originator_port);
    } else {
        // OpenSSH PROTOCOL 2.4: two reserved fields.
        out.text({});
        out.uint32(0);
    }
    return message;
}

}  // namespace

Result<LocalChannelId> Libssh2Channels::open(const OpenTarget& target) {
    expects(target.kind == OpenTarget::Kind::direct_tcpip ||
            target.kind == OpenTarget::Kind::direct_streamlocal);
    if (channels_.size() - free_.size() >= channels_max_) {
        return tl::unexpected{Error{ErrorCode::too_many_channels}};
    }
    LocalChannelId id{};
    if (free_.empty()) {
        id = LocalChannelId{static_cast<std::uint32_t>(channels_.size())};
        channels_.push_back(std::make_unique<Channel>());
    } else {
        id = free_.back();
        free_.pop_back();
    }
    Channel& channel = *channels_[static_cast<std::size_t>(id)];
    channel.phase = Phase::queued;
    channel.type =
        target.kind == OpenTarget::Kind::direct_tcpip ? direct_tcpip : direct_streamlocal;
    channel.open_message = message_of(target);
    channel.window_bytes = target.window_bytes.value_or(initial_window_bytes_);
    waiting_.push_back(id);
    return id;
}

std::optional<TimePoint> Libssh2Channels::next_deadline() const noexcept {
    return opening_ || probing_open_ ? std::optional{open_deadline_} : std::nullopt;
}

Result<void> Libssh2Channels::expire(TimePoint now) {
    now_ = now;
    if (!next_deadline() || now < open_deadline_) {
        return {};
    }
    const std::optional<LocalChannelId> before = opening_;
    if (const Result<void> continued = continue_open(); !continued) {
        return continued;
    }
    if (next_deadline() && opening_ == before) {
        open_deadline_ = now + open_timeout_check;
    }
    return {};
}

Result<void> Libssh2Channels::open_next() {
    while (!opening_ && !probing_open_ && !waiting_.empty()) {
        opening_ = waiting_.front();
        waiting_.pop_front();
        channels_[static_cast<std::size_t>(*opening_)]->phase = Phase::opening;
        begin_open_timeout();
        if (const Result<void> continued = continue_open(); !continued) {
            return continued;
        }
    }
    return {};
}

void Libssh2Channels::begin_open_timeout() noexcept {
    open_deadline_ = now_ + open_timeout;
}

/// The one call that sends the open, reads, and finds the reply.
Result<void> Libssh2Channels::continue_open() {
    std::string_view type = unknown_type;
    std::span<const std::byte> message;
    if (!probing_open_) {
        const Channel& channel = *channels_[static_cast<std::size_t>(*opening_)];
        type = channel.type;
        message = channel.open_message;
    }
    LIBSSH2_CHANNEL* handle = libssh2_channel_open_ex(transport_.session(),
                                                      type.data(),
                                                      static_cast<unsigned int>(type.size()),
                                                      0,
                                                      packet_bytes_,
                                                      reinterpret_cast<const char*>(message.data()),
                                                      static_cast<unsigned int>(message.size()));
    if (handle != nullptr) {
        confirmed(handle);
        return {};
    }
    const int code = libssh2_session_last_errno(transport_.session());
    switch (code) {
    case LIBSSH2_ERROR_EAGAIN:
        return {};
    case LIBSSH2_ERROR_CHANNEL_FAILURE: {
        const Refusal refusal = refusal_of(transport_.last_message());
        refused(refusal.reason, refusal.text);
        return {};
    }
    case LIBSSH2_ERROR_TIMEOUT:
        refused(OpenFailure::connect_failed, "no answer within 60 seconds");
        return {};
    case LIBSSH2_ERROR_SOCKET_NONE:
        // The reply to an open that was given up came instead of this one's.
        refused(OpenFailure::connect_failed, "the answer was lost");
        return {};
    default:
        return tl::unexpected{transport_.error_of(code)};
    }
}

void Libssh2Channels::confirmed(LIBSSH2_CHANNEL* handle) {
    if (std::exchange(probing_open_, false)) {
        // A server that opens whatever it is asked for: closed again, and kept to read through.
        static_cast<void>(libssh2_channel_close(handle));
        spent_ = handle;
        return;
    }
    const LocalChannelId id = *std::exchange(opening_, std::nullopt);
    Channel& channel = *channels_[static_cast<std::size_t>(id)];
    channel.phase = Phase::open;
    channel.handle = handle;
    channel.open_message = {};
    // Payload of any other type than plain data is not ours to deliver; its window is given back.
    static_cast<void>(
        libssh2_channel_handle_extended_data2(handle, LIBSSH2_CHANNEL_EXTENDED_DATA_IGNORE));
    channel.granted_bytes = channel.window_bytes;
    channel.adjust_due = true;
    channel.window_used_up = libssh2_channel_window_write_ex(handle, nullptr) == 0;
    mark_pending(id, channel);
    if (!channel.close_wanted) {
        events_.push_back(ChannelOpened{id});
    }
}

void Libssh2Channels::refused(OpenFailure reason, std::string_view text) {
    if (std::exchange(probing_open_, false)) {
        return;
    }
    const LocalChannelId id = *std::exchange(opening_, std::nullopt);
    Channel& channel = *channels_[static_cast<std::size_t>(id)];
    if (channel.close_wanted) {
        release(id);
        return;
    }
    channel.phase = Phase::refused;
    events_.push_back(ChannelRefused{id, reason, text});
}

}  // namespace caponier::ssh
