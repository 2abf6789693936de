#pragma once
// Hard bounds of the relay, each with its reason. What bounds memory is the window: a connection
// holds at most its window of undelivered data, and reads no more than its channel may
// send.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "ssh/limits.h"

namespace caponier::relay {

/// What a channel lets the peer send before the local socket took anything, as long as little is
/// promised (memory_budget.h): OpenSSH's own window, so that not even the beginning of a transfer
/// over a long path is slower than with ssh.
inline constexpr std::uint32_t initial_window_bytes = 2 * 1024 * 1024;

/// A stream among others deserves this much on any path (window_policy.h): a few of the pieces in
/// which OpenSSH gives window back. As long as all others are quiet, those that send share one
/// initial window.
inline constexpr std::uint32_t least_window_bytes = 128 * 1024;

/// And never more than this: OpenSSH's senders slow down above.
inline constexpr std::uint32_t most_window_bytes = 15 * 1024 * 1024;

/// What a channel gets when half of the memory budget is promised: one packet.
inline constexpr std::uint32_t scarce_window_bytes = 32 * 1024;

/// Round trips of which the shortest counts.
inline constexpr std::size_t round_trips_kept = 3;

/// What the kernel may hold of the SSH socket's bytes without having sent them: what stands there
/// can no longer be overtaken.
inline constexpr std::uint32_t unsent_low_water_bytes = 256 * 1024;

/// The first bytes of a burst are acknowledged at once, because a short answer may be all of it; so
/// are receives that look like one message. What follows is acknowledged by the next receive, or
/// when so much time has passed without one (acknowledgement.h). On loopback a receive of a bulk
/// download comes every 50 to 100 microseconds.
inline constexpr std::size_t burst_bytes_at_once = 256 * 1024;
inline constexpr std::size_t small_receive_bytes = 4 * 1024;
inline constexpr std::chrono::microseconds burst_pause{500};

/// Rates are taken over a round trip, but over no less than this.
inline constexpr std::chrono::milliseconds rate_interval_least{10};

/// So long after a stream that sends little was heard, it is taken for idle.
inline constexpr std::chrono::milliseconds quiet_after{500};

/// Sent on one channel and not given back yet, while other streams are open: what is more stands
/// in the server's queue, in front of everybody else's bytes. As long as all others are quiet,
/// those that send share one initial window here, too.
inline constexpr std::uint32_t least_ahead_bytes = 256 * 1024;

/// A stream that has less than this under way is served before those that send much, even while
/// the outbox is full for them.
inline constexpr std::uint32_t sparse_bytes = 16 * 1024;

/// One read of a local socket, and how many such buffers a shard has. A read never exceeds what the
/// channel may send. Who sends much is read in large pieces, which cost less per byte; everybody
/// else in small ones, of which there are enough for many at once.
inline constexpr std::uint32_t local_buffer_bytes = 512 * 1024;
inline constexpr std::uint32_t local_buffers = 8;
inline constexpr std::uint32_t small_local_buffer_bytes = 16 * 1024;
inline constexpr std::uint32_t small_local_buffers = 128;

/// What the streams of one session may be reading at once, or have read and not been rid of, beyond
/// a small buffer each: a session that takes nothing any more makes its shard hold that, because a
/// read that waits for its client cannot be made smaller. Each read gets a part of what is left.
inline constexpr std::uint32_t reading_bytes_max = 8 * 1024 * 1024;
inline constexpr std::uint32_t reading_parts = 16;

/// One read of the SSH socket. Few are needed: a buffer is held only while its round is served.
inline constexpr std::uint32_t session_buffer_bytes = 512 * 1024;
inline constexpr std::uint32_t session_buffers = 8;

/// Pieces of one send on the SSH socket, and of one send to a local socket; both below IOV_MAX.
inline constexpr std::size_t outbox_pieces = 64;
inline constexpr std::size_t delivery_pieces_max = 512;

/// A local socket is read no further while this many sealed bytes wait for the SSH socket.
inline constexpr std::size_t outbox_high_water_bytes = 512 * 1024;

/// Dialling: addresses tried. An answer of a name server holds fewer, unless it was asked again
/// over TCP, and each that is silent holds a descriptor until another answers.
inline constexpr std::size_t dial_addresses_max = 128;
/// The head start of each over the next (RFC 8305 5 recommends 250 ms, and no less than 10). Where
/// there are many it is shorter, so that the last one is tried in the first half of ConnectTimeout.
inline constexpr std::chrono::milliseconds dial_head_start{250};
inline constexpr std::chrono::milliseconds dial_head_start_least{10};

/// What a server may take to decide on a login once the keys are on, less the time that questions
/// are open here: it may ask somebody's telephone. sshd itself gives up after as long
/// (LoginGraceTime).
inline constexpr std::chrono::milliseconds login_patience{120'000};

/// Before a reset the kernel gets this long without progress to deliver what it holds; it is asked
/// at growing intervals.
inline constexpr std::chrono::milliseconds delivery_patience{10'000};
inline constexpr std::chrono::milliseconds delivery_poll_first{1};
inline constexpr std::chrono::milliseconds delivery_poll_longest{100};

/// A client is watched for leaving when its channel is not open after this.
inline constexpr std::chrono::milliseconds opening_watch_delay{500};

/// A listener that ran out of descriptors tries again after this, or when a connection has ended.
inline constexpr std::chrono::milliseconds accept_pause{500};

/// A shortage of descriptors is reported this often at most.
inline constexpr std::chrono::milliseconds accept_report_interval{10'000};

/// How long open connections may take to finish once the program was asked to stop, unless the user
/// says otherwise: as long as those who ask wait themselves before they kill (docker stop: 10 s).
inline constexpr std::chrono::milliseconds drain_patience{10'000};

/// They are waited for no longer when no byte of any of them has moved for so long. An answer
/// comes back from the other side of the world within it, and so does a packet that was lost once.
inline constexpr std::chrono::milliseconds drain_quiet{1'000};

/// How often a drain looks whether bytes have moved: often enough to end on time, and seldom enough
/// for thousands of connections, each of which is a question to the kernel.
inline constexpr std::chrono::milliseconds drain_look_interval{100};

/// Less than this on its way to the server is keepalives and the like, and not the bytes of a
/// connection.
inline constexpr std::size_t drain_noise_bytes = 1'024;

/// A timer that fires so much later than it was due has not: we did not run meanwhile, because the
/// process was stopped, or the machine, or others had the processor. Nobody else is to blame then,
/// and what has come meanwhile is read for as long before anybody is.
inline constexpr std::chrono::milliseconds late_timer{1'000};

/// Before a server is given up as dead, what the kernel may hold of it is read: in so many turns,
/// because in one of them the timer may be told before the bytes.
inline constexpr int last_looks = 2;
inline constexpr std::chrono::milliseconds last_look_pause{50};

/// How long SSH_MSG_DISCONNECT may take to leave.
inline constexpr std::chrono::milliseconds farewell_patience{1'000};

// ---- the session pool --------------------------------------------------------------------------

/// More sessions than anybody needs: sshd keeps a process for each.
inline constexpr std::size_t sessions_max = 256;
/// More shards than that only wait for each other's memory.
inline constexpr std::size_t shards_max = 256;

/// Tunnels of one session, unless the user set a higher mark: behind 1,000 idle channels OpenSSH's
/// round trips grow to 3 ms and more, because it scans all of them.
inline constexpr std::size_t session_channels_max = 500;

/// Sessions dialled at once. sshd's MaxStartups begins to drop at 10 that are not authenticated,
/// whoever they belong to.
inline constexpr std::size_t dials_in_flight_max = 3;
/// After a dial failed or a session was lost: the pause before the next, doubled for each dial that
/// failed in a row, up to 4 minutes.
inline constexpr std::chrono::milliseconds dial_pause_first{1'000};
inline constexpr std::size_t dial_pause_doublings_max = 8;
/// A session that ends within this and has brought no tunnel's data was a dial that failed: some
/// servers let everybody log in and end what they do not want only then.
inline constexpr std::chrono::milliseconds session_trial{60'000};
/// When the oldest session ends so soon after, or before, the next one logged in, the server may
/// have ended the one for the other. A login script that looks for older sessions takes no longer.
inline constexpr std::chrono::milliseconds takeover_window{2'000};
/// So often that is seen before it is believed, unless the older session had outlasted its trial.
inline constexpr std::size_t takeovers_believed = 2;

/// A session that nobody has needed for so long is ended while there are others. A bastion counts
/// logins and keeps a process for each; a new one costs a key exchange and a line in its log, so
/// that what comes and goes within minutes keeps its sessions.
inline constexpr std::chrono::minutes session_idle_patience{5};
/// It is looked for so often in that time; one is ended at a look.
inline constexpr int session_idle_looks = 5;

/// Traffic is measured this often while there is any, and a measurement is believed this long.
inline constexpr std::chrono::milliseconds measure_interval{100};
inline constexpr std::chrono::milliseconds measure_validity{400};

/// A session with so much traffic gets no new tunnel while another is free.
inline constexpr std::uint64_t bulk_bytes_per_second = 16 * 1024 * 1024;
/// A session is saturated with so much traffic, which is what one core of a modest server ciphers,
/// or when its own thread uses so much of a core.
inline constexpr std::uint64_t saturated_bytes_per_second = 100 * 1024 * 1024;
inline constexpr std::uint64_t saturated_permille = 750;
/// Measurements in a row of which each finds a session saturated: less is a burst.
inline constexpr std::size_t saturated_measurements = 3;
/// For so long a session that refused a channel for lack of resources is avoided.
inline constexpr std::chrono::milliseconds shortage_memory{5'000};

/// Tunnels that wait for a session, how long, and how often they look for room: a session does not
/// tell when it has some.
inline constexpr std::size_t waiting_tunnels_max = 16'384;
inline constexpr std::chrono::milliseconds waiting_patience{10'000};
inline constexpr std::chrono::milliseconds waiting_poll{20};

/// Ports that the kernel chooses for one family until one of them is free in the other as well.
inline constexpr std::size_t chosen_port_attempts_max = 16;

static_assert(session_channels_max <= ssh::channels_max);
static_assert(measure_interval < measure_validity);
static_assert(2 * drain_look_interval < drain_quiet);
static_assert(drain_quiet < drain_patience);
static_assert(bulk_bytes_per_second <= saturated_bytes_per_second);
static_assert(scarce_window_bytes <= least_window_bytes);
static_assert(least_window_bytes <= initial_window_bytes);
static_assert(least_ahead_bytes <= initial_window_bytes);
static_assert(initial_window_bytes <= most_window_bytes);
static_assert(reading_bytes_max / reading_parts >= local_buffer_bytes);
static_assert(small_local_buffer_bytes >= sparse_bytes);
static_assert(session_buffer_bytes > ssh::packet_bytes_required);
static_assert(outbox_high_water_bytes < ssh::outbox_bytes_max);

}  // namespace caponier::relay
