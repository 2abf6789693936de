// Data, windows and ends of channels. A channel is opened with a window of 0 and gets its window by
// an adjust of ours right after the confirmation, at the price of one round trip before a server
// that speaks first is heard. That is what keeps libssh2 from adjusting by itself: it does so when
// a read finds less than three quarters of the window that the channel was opened with. So
// everything that arrives can be read at once, and the peer has no more in flight than was granted.

#include "ssh/libssh2_channels.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "ssh/expects.h"
#include "ssh/limits.h"

namespace caponier::ssh {

namespace {

/// libssh2 puts at most this much into one packet.
constexpr std::size_t write_bytes_max = 32'700;

/// How libssh2 is fed. It reads all it can get before it hands anything out, and hands out nothing
/// once it has read SSH_MSG_DISCONNECT. So what was read is taken out of it after every step, and
/// the end of the input, where a DISCONNECT or a CLOSE behind an EOF is, comes in steps that are
/// shorter than two packets.
constexpr std::size_t step_bytes = 16 * 1024;
constexpr std::size_t end_bytes = 512;
constexpr std::size_t end_step_bytes = 64;

std::size_t index_of(LocalChannelId id) noexcept {
    return static_cast<std::size_t>(id);
}

bool is_about(const Event& event, LocalChannelId id) noexcept {
    return std::visit(
        [id](const auto& held) {
            if constexpr (requires { held.id == id; }) {
                return held.id == id;
            } else {
                return false;
            }
        },
        event);
}

std::uint32_t send_window_of(LIBSSH2_CHANNEL* handle) noexcept {
    return static_cast<std::uint32_t>(libssh2_channel_window_write_ex(handle, nullptr));
}

}  // namespace

Libssh2Channels::Libssh2Channels(Libssh2Transport& transport,
                                 const SessionConfig& config,
                                 std::deque<Event>& events) noexcept
    : transport_{transport},
      events_{events},
      initial_window_bytes_{config.initial_window_bytes},
      packet_bytes_{std::min(config.packet_bytes, maximum_packet_bytes)},
      channels_max_{std::min(config.channels, channels_max)} {}

// ---- the table ---------------------------------------------------------------------------------

const Libssh2Channels::Channel* Libssh2Channels::find(LocalChannelId id) const noexcept {
    const bool known =
        index_of(id) < channels_.size() && channels_[index_of(id)]->phase != Phase::unused;
    return known ? channels_[index_of(id)].get() : nullptr;
}

Libssh2Channels::Channel* Libssh2Channels::find(LocalChannelId id) noexcept {
    return const_cast<Channel*>(std::as_const(*this).find(id));
}

bool Libssh2Channels::is_usable(const Channel& channel) const noexcept {
    return channel.phase == Phase::open && !channel.close_wanted && !channel.closed_by_peer;
}

std::optional<ChannelState> Libssh2Channels::state(LocalChannelId id) const noexcept {
    const Channel* channel = find(id);
    if (channel == nullptr) {
        return std::nullopt;
    }
    ChannelState state;
    state.open = is_usable(*channel);
    state.eof_sent = channel->eof_wanted;
    state.eof_received = channel->eof_received;
    state.receive_owed = channel->owed_bytes;
    if (channel->handle != nullptr) {
        state.send_window = send_window_of(channel->handle);
        state.receive_window = static_cast<std::uint32_t>(
            libssh2_channel_window_read_ex(channel->handle, nullptr, nullptr));
    }
    return state;
}

void Libssh2Channels::mark_pending(LocalChannelId id, Channel& channel) {
    if (!std::exchange(channel.is_pending, true)) {
        pending_.push_back(id);
    }
}

void Libssh2Channels::release(LocalChannelId id) noexcept {
    Channel& channel = *channels_[index_of(id)];
    if (channel.handle != nullptr) {
        if (spent_ == nullptr) {
            spent_ = channel.handle;
        } else {
            static_cast<void>(libssh2_channel_free(channel.handle));
        }
    }
    if (!channel.unfinished_write.empty()) {
        --unfinished_writes_;
    }
    std::erase(pending_, id);
    drop_events(id);
    channel = Channel{};
    free_.push_back(id);
}

/// The application closed the channel: events that it has not taken yet are not for the next user
/// of the number.
void Libssh2Channels::drop_events(LocalChannelId id) noexcept {
    std::erase_if(events_, [id](const Event& event) { return is_about(event, id); });
}

void Libssh2Channels::taken(const Event& event) noexcept {
    const auto* refusal = std::get_if<ChannelRefused>(&event);
    if (refusal != nullptr && find(refusal->id) != nullptr) {
        release(refusal->id);
    }
}

void Libssh2Channels::forget_all() noexcept {
    channels_.clear();
    free_.clear();
    pending_.clear();
    waiting_.clear();
    opening_.reset();
    // libssh2 frees its channels with the session.
    spent_ = nullptr;
}

// ---- commands ----------------------------------------------------------------------------------

Result<std::size_t> Libssh2Channels::send(LocalChannelId id, std::span<const std::byte> bytes) {
    Channel* channel = find(id);
    if (channel == nullptr || channel->closed_by_peer || channel->close_wanted) {
        return 0;
    }
    expects(channel->phase == Phase::open);
    expects(!channel->eof_wanted);
    std::size_t taken = 0;
    while (taken < bytes.size()) {
        if (unfinished_writes_ > 0 || transport_.outbox().bytes() >= outbox_bytes_max) {
            session_blocked_ = true;
            break;
        }
        const std::size_t window = send_window_of(channel->handle);
        if (window == 0) {
            break;
        }
        const std::span<const std::byte> next =
            bytes.subspan(taken, std::min({bytes.size() - taken, window, write_bytes_max}));
        const ssize_t written = libssh2_channel_write_ex(
            channel->handle, 0, reinterpret_cast<const char*>(next.data()), next.size());
        if (written == LIBSSH2_ERROR_EAGAIN) {
            // A key exchange runs. libssh2 has begun the packet and wants its bytes again.
            channel->unfinished_write.assign(next.begin(), next.end());
            ++unfinished_writes_;
            mark_pending(id, *channel);
            taken += next.size();
            continue;
        }
        if (written < 0) {
            return tl::unexpected{transport_.error_of(static_cast<int>(written))};
        }
        taken += static_cast<std::size_t>(written);
    }
    channel->window_used_up = send_window_of(channel->handle) == 0;
    return taken;
}

void Libssh2Channels::grant(LocalChannelId id, std::uint32_t bytes) noexcept {
    Channel* channel = find(id);
    if (channel == nullptr || !is_usable(*channel)) {
        return;
    }
    expects(bytes <= channel->owed_bytes);
    channel->owed_bytes -= bytes;
    channel->granted_bytes += bytes;
    adjust_if_due(id, *channel);
}

void Libssh2Channels::withhold(LocalChannelId id, std::uint32_t bytes) noexcept {
    Channel* channel = find(id);
    if (channel == nullptr || !is_usable(*channel)) {
        return;
    }
    expects(bytes <= channel->owed_bytes);
    channel->owed_bytes -= bytes;
    channel->window_bytes -= bytes;
    adjust_if_due(id, *channel);
}

/// Half a window at a time: the peer is never stopped by an adjust that waits here.
void Libssh2Channels::adjust_if_due(LocalChannelId id, Channel& channel) {
    if (channel.granted_bytes > 0 && channel.granted_bytes >= channel.window_bytes / 2) {
        channel.adjust_due = true;
        mark_pending(id, channel);
    }
}

void Libssh2Channels::widen(LocalChannelId id, std::uint32_t bytes) noexcept {
    Channel* channel = find(id);
    if (channel == nullptr || !is_usable(*channel)) {
        return;
    }
    // RFC 4254 5.2: "The window MUST NOT be increased above 2^32 - 1 bytes."
    expects(bytes <= UINT32_MAX - channel->window_bytes);
    channel->window_bytes += bytes;
    channel->granted_bytes += bytes;
    channel->adjust_due = true;
    mark_pending(id, *channel);
}

void Libssh2Channels::eof(LocalChannelId id) noexcept {
    Channel* channel = find(id);
    if (channel == nullptr || !is_usable(*channel)) {
        return;
    }
    channel->eof_wanted = true;
    mark_pending(id, *channel);
}

void Libssh2Channels::close(LocalChannelId id) noexcept {
    Channel* channel = find(id);
    if (channel == nullptr || std::exchange(channel->close_wanted, true)) {
        return;
    }
    drop_events(id);
    switch (channel->phase) {
    case Phase::unused:
        break;
    case Phase::queued:
        std::erase(waiting_, id);
        release(id);
        break;
    case Phase::refused:
        release(id);
        break;
    case Phase::opening:
        break;  // confirmed() or refused() goes on
    case Phase::open:
        mark_pending(id, *channel);
        break;
    }
}

// ---- inputs ------------------------------------------------------------------------------------

Result<void> Libssh2Channels::take_input(std::span<std::byte> room, TimePoint now) {
    now_ = now;
    std::size_t delivered_bytes = 0;  // in the front of `room`
    while (transport_.unread_bytes() > 0) {
        const std::size_t unread = transport_.unread_bytes();
        transport_.admit(unread > end_bytes ? std::min(step_bytes, unread - end_bytes)
                                            : end_step_bytes);
        if (const Result<void> pumped = pump(); !pumped) {
            return pumped;
        }
        const std::size_t consumed_bytes = room.size() - transport_.unread_bytes();
        std::span<std::byte> consumed =
            room.subspan(delivered_bytes, consumed_bytes - delivered_bytes);
        if (const Result<void> scanned = scan(consumed); !scanned) {
            return scanned;
        }
        delivered_bytes = consumed_bytes - consumed.size();
        if (transport_.unread_bytes() == unread) {
            break;  // offered again with the next input
        }
    }
    return {};
}

/// Makes libssh2 read what it is admitted to. It has no call for that: a read of nothing from any
/// channel does it, or an open in flight; and as long as there was no channel, an open of a type
/// that no server knows, which costs a small message each way.
Result<void> Libssh2Channels::pump() {
    if (reader() == nullptr) {
        if (!opening_ && !probing_open_) {
            probing_open_ = true;
            begin_open_timeout();
        }
        // Stops reading at the reply; if that makes a channel, the rest is read through it.
        if (const Result<void> continued = continue_open(); !continued) {
            return continued;
        }
    }
    if (LIBSSH2_CHANNEL* handle = reader()) {
        const ssize_t code = libssh2_channel_read_ex(handle, 0, nullptr, 0);
        if (code < 0 && code != LIBSSH2_ERROR_EAGAIN) {
            return tl::unexpected{transport_.error_of(static_cast<int>(code))};
        }
        if (opening_ || probing_open_) {
            return continue_open();
        }
    }
    return {};
}

/// Any channel that libssh2 still has.
LIBSSH2_CHANNEL* Libssh2Channels::reader() const noexcept {
    if (spent_ != nullptr) {
        return spent_;
    }
    const auto found = std::find_if(channels_.begin(), channels_.end(), [](const auto& channel) {
        return channel->handle != nullptr;
    });
    return found == channels_.end() ? nullptr : (*found)->handle;
}

Result<void> Libssh2Channels::scan(std::span<std::byte>& room) {
    for (std::size_t index = 0; index < channels_.size(); ++index) {
        Channel& channel = *channels_[index];
        if (!is_usable(channel)) {
            continue;
        }
        const LocalChannelId id{static_cast<std::uint32_t>(index)};
        if (const Result<void> delivered = deliver(id, channel, room); !delivered) {
            return delivered;
        }
        look_for_end(id, channel);
        if (channel.window_used_up && is_usable(channel) && send_window_of(channel.handle) > 0) {
            channel.window_used_up = false;
            events_.push_back(WindowOpened{id});
        }
    }
    return {};
}

Result<void> Libssh2Channels::deliver(LocalChannelId id,
                                      Channel& channel,
                                      std::span<std::byte>& room) {
    unsigned long available = 0;
    libssh2_channel_window_read_ex(channel.handle, &available, nullptr);
    while (available > 0) {
        const std::span<std::byte> bytes = claim(room, available);
        const ssize_t read = libssh2_channel_read_ex(
            channel.handle, 0, reinterpret_cast<char*>(bytes.data()), bytes.size());
        if (read == 0 || read == LIBSSH2_ERROR_EAGAIN) {
            return {};
        }
        if (read < 0) {
            return tl::unexpected{transport_.error_of(static_cast<int>(read))};
        }
        const std::size_t count = static_cast<std::size_t>(read);
        channel.owed_bytes += static_cast<std::uint32_t>(count);
        events_.push_back(ChannelData{id, bytes.first(count)});
        libssh2_channel_window_read_ex(channel.handle, &available, nullptr);
    }
    return {};
}

std::span<std::byte> Libssh2Channels::claim(std::span<std::byte>& room, std::size_t bytes) {
    if (bytes <= room.size()) {
        const std::span<std::byte> claimed = room.first(bytes);
        room = room.subspan(bytes);
        return claimed;
    }
    payload_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes));
    return {payload_.back().get(), bytes};
}

/// libssh2 takes a CLOSE for an EOF as well. So an EOF that is seen together with the CLOSE counts
/// only if ours was sent before; else the channel was cut.
void Libssh2Channels::look_for_end(LocalChannelId id, Channel& channel) {
    if (libssh2_channel_eof(channel.handle) != 1) {
        return;
    }
    const bool closed = libssh2_channel_wait_closed(channel.handle) == 0;
    if (!channel.eof_received && (!closed || channel.eof_sent)) {
        channel.eof_received = true;
        events_.push_back(ChannelEof{id});
    }
    if (closed) {
        channel.closed_by_peer = true;
        events_.push_back(ChannelClosed{id, !channel.eof_sent});
    }
}

// ---- sending what waits ------------------------------------------------------------------------

Result<void> Libssh2Channels::flush() {
    const std::vector<LocalChannelId> pending = std::exchange(pending_, {});
    for (const LocalChannelId id : pending) {
        if (Channel* channel = find(id)) {
            channel->is_pending = false;
        }
    }
    for (const LocalChannelId id : pending) {
        Channel* channel = find(id);
        if (channel == nullptr) {
            continue;
        }
        if (const Result<void> flushed = flush(id, *channel); !flushed) {
            return flushed;
        }
    }
    if (const Result<void> opened = open_next(); !opened) {
        return opened;
    }
    tell_send_ready();
    return {};
}

Result<void> Libssh2Channels::flush(LocalChannelId id, Channel& channel) {
    if (channel.handle == nullptr) {
        return {};
    }
    if (const Result<void> finished = finish_write(channel); !finished) {
        return finished;
    }
    int code = 0;
    if (channel.adjust_bytes == 0 && channel.adjust_due) {
        channel.adjust_due = false;
        channel.adjust_bytes = std::exchange(channel.granted_bytes, 0);
    }
    if (channel.adjust_bytes != 0 && !channel.close_wanted) {
        code = libssh2_channel_receive_window_adjust2(
            channel.handle, channel.adjust_bytes, 1, nullptr);
        if (code == 0) {
            channel.adjust_bytes = 0;
        }
    }
    if (code == 0 && channel.unfinished_write.empty()) {
        if (channel.eof_wanted && !channel.eof_sent) {
            code = libssh2_channel_send_eof(channel.handle);
            channel.eof_sent = code == 0;
        }
        if (code == 0 && channel.close_wanted) {
            // Says that it would block until the peer's CLOSE is here, too.
            code = libssh2_channel_close(channel.handle);
            if (code == 0) {
                release(id);
                return {};
            }
        }
    }
    if (code != 0 && code != LIBSSH2_ERROR_EAGAIN) {
        return tl::unexpected{transport_.error_of(code)};
    }
    if (code != 0 || !channel.unfinished_write.empty()) {
        mark_pending(id, channel);
    }
    return {};
}

Result<void> Libssh2Channels::finish_write(Channel& channel) {
    std::vector<std::byte>& rest = channel.unfinished_write;
    while (!rest.empty()) {
        const ssize_t written = libssh2_channel_write_ex(
            channel.handle, 0, reinterpret_cast<const char*>(rest.data()), rest.size());
        if (written == LIBSSH2_ERROR_EAGAIN || written == 0) {
            return {};
        }
        if (written < 0) {
            return tl::unexpected{transport_.error_of(static_cast<int>(written))};
        }
        rest.erase(rest.begin(), rest.begin() + written);
        if (rest.empty()) {
            --unfinished_writes_;
        }
    }
    return {};
}

void Libssh2Channels::outbox_drained() noexcept {
    tell_send_ready();
}

void Libssh2Channels::tell_send_ready() noexcept {
    if (session_blocked_ && unfinished_writes_ == 0 &&
        transport_.outbox().bytes() < outbox_bytes_max / 2) {
        session_blocked_ = false;
        events_.push_back(SendReady{});
    }
}

}  // namespace caponier::ssh
