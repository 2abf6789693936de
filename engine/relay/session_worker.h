#pragma once
// The owner of one SSH session on a shard: dials, feeds the session what the socket brings, sends
// what the session wants sent, asks the policy what only the user knows, and watches the clock. One
// object per session, for its whole life. The session's channels are channel_streams.h's.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/loop.h"
#include "engine/relay/acknowledgement.h"
#include "engine/relay/channel_streams.h"
#include "engine/relay/close_without_eof.h"
#include "engine/relay/counters.h"
#include "engine/relay/dialer.h"
#include "engine/relay/limits.h"
#include "engine/relay/observer.h"
#include "engine/relay/probes.h"
#include "engine/relay/receive_round.h"
#include "engine/relay/session_policy.h"
#include "ssh/session.h"

namespace caponier::relay {

/// Makes what a session worker needs, on the shard's thread. Outlives the workers.
class SessionFactory {
  public:
    SessionFactory() = default;
    SessionFactory(const SessionFactory&) = delete;
    SessionFactory& operator=(const SessionFactory&) = delete;
    virtual ~SessionFactory() = default;
    /// A session in the client role that knows its user and algorithms.
    [[nodiscard]] virtual ssh::Result<std::unique_ptr<ssh::Session>> make_session() = 0;
    [[nodiscard]] virtual std::unique_ptr<SessionPolicy> make_policy(io::Loop& loop) = 0;
};

/// Where sessions lead, and how patient to be with them. Outlives the workers.
struct Destination {
    std::vector<io::Address> addresses;  ///< tried in this order
    SessionFactory* factory = nullptr;
    /// From the first SYN to the end of the key exchange, less the time that questions are open; 0:
    /// no limit but the kernel's. The login has login_patience.
    std::chrono::nanoseconds connect_timeout = std::chrono::seconds{10};
    /// A session that brought no packet for so long is asked for a sign of life; 0: never.
    AlivePatience alive{.interval = std::chrono::seconds{15}, .probes_max = 3};
    WindowBounds windows{};
    MemoryBudget* budget = nullptr;  ///< of the process; none: only `windows` bounds
    CloseWithoutEof close_without_eof = CloseWithoutEof::by_server;
};

class SessionWorker final : AnswerSink, Dialer::User, ChannelStreams::Owner {
  public:
    /// The shard.
    class Owner {
      public:
        Owner() = default;
        Owner(const Owner&) = delete;
        Owner& operator=(const Owner&) = delete;
        virtual void session_established(SessionWorker& worker) noexcept = 0;
        /// All its streams are closed already. The worker may be destroyed once is_idle().
        virtual void session_ended(SessionWorker& worker, const SessionEnd& end) noexcept = 0;
        /// Something was asked of the session: settle() it before the turn is over.
        virtual void wants_settling(SessionWorker& worker) noexcept = 0;

      protected:
        ~Owner() = default;
    };

    /// Where a session lives, and which one of the pool it is.
    struct Surroundings {
        io::Loop& loop;
        io::BufferPool& pool;
        const Destination& destination;
        Observer& observer;
        SessionSlot slot{};
        SessionCounters& counters;
    };

    SessionWorker(const Surroundings& surroundings, Owner& owner) noexcept;
    ~SessionWorker() override;

    void start() noexcept;
    /// Ends the session from our side, with SSH_MSG_DISCONNECT where there is a session;
    /// session_ended() follows within farewell_patience.
    void disconnect() noexcept;
    /// Takes the session's events and flushes its outbox: what a turn's commands came to.
    void settle() noexcept;

    /// Where forwarded connections open their streams; null before the session is established and
    /// after it ended.
    [[nodiscard]] Upstream* upstream() noexcept;
    /// No channel is left, not even one whose CLOSE the server has not answered: it has passed on
    /// everything that it was sent.
    [[nodiscard]] bool is_quiet() const noexcept;
    /// Ended, and nothing is in flight.
    [[nodiscard]] bool is_idle() const noexcept;
    /// SessionPolicy::needs_no_person() of an established session: another one to the same
    /// destination would ask nobody anything.
    [[nodiscard]] bool needs_no_person() const noexcept;

    /// How many streams it carries, and what is sealed and not sent.
    [[nodiscard]] std::size_t channels() const noexcept { return streams_.open_count(); }
    [[nodiscard]] std::size_t queued_bytes() const noexcept {
        return session_ == nullptr ? 0 : session_->outbox_bytes();
    }

    /// The same, and what the server's kernel has not acknowledged.
    [[nodiscard]] std::size_t undelivered_bytes() const noexcept;

    /// For the shard's list of workers to settle.
    bool listed_for_settling = false;

  private:
    /// Only move_to() changes it.
    enum class Phase : std::uint8_t {
        idle,
        connecting,
        identifying,
        negotiating,
        authenticating,
        established,
        leaving,  ///< the session ended; its last bytes may still leave
        ended,
    };

    void move_to(Phase next) noexcept;
    [[nodiscard]] bool has_session() const noexcept;

    void dialed(io::Socket&& socket) noexcept override;
    void dial_failed(int os_error) noexcept override;
    void answer(Answer&& answer) noexcept override;
    void session_changed() noexcept override;
    [[nodiscard]] ssh::TimePoint now() const noexcept override { return loop_.now(); }

    void receive_more() noexcept;
    void input_ended() noexcept;
    void look_for_life() noexcept;
    void feed(io::Lease&& lease) noexcept;
    void feed_tail() noexcept;
    void keep_tail(std::span<const std::byte> rest);
    void take_events(ReceiveRound* round) noexcept;
    void flush() noexcept;
    [[nodiscard]] ReceiveRound* free_round() noexcept;

    void take(const ssh::Event& event, ReceiveRound* round) noexcept;
    void begin_login() noexcept;
    void ask(Question&& question) noexcept;
    void session_is_over(const ssh::SessionEnded& event) noexcept;

    void on_received(io::Outcome& outcome) noexcept;
    void on_sent(io::Outcome& outcome) noexcept;
    void on_timer(io::Outcome& outcome) noexcept;
    void on_closed(io::Outcome& outcome) noexcept;

    [[nodiscard]] io::TimePoint next_deadline() const noexcept;
    [[nodiscard]] io::TimePoint session_deadline() const noexcept;
    void set_timer() noexcept;
    void forgive(std::chrono::nanoseconds late) noexcept;
    void check_deadlines() noexcept;
    void check_liveness() noexcept;
    void probe() noexcept;
    void probe_answered() noexcept;
    void give_up(SessionEnd&& end) noexcept;
    void leave() noexcept;
    [[nodiscard]] SessionEnd::Phase phase_for_people() const noexcept;

    io::Loop& loop_;
    io::BufferPool& pool_;
    const Destination& destination_;
    Owner& owner_;
    Observer& observer_;
    const SessionSlot slot_;
    SessionCounters& counters_;
    Phase phase_ = Phase::idle;

    Dialer dialer_;
    io::Socket socket_;
    std::unique_ptr<ssh::Session> session_;
    std::unique_ptr<SessionPolicy> policy_;
    ChannelStreams streams_;
    Acknowledgement acknowledgement_;

    std::array<ReceiveRound, 2> rounds_;
    std::vector<std::byte> tail_;  ///< received, but not consumed yet
    std::array<io::Piece, outbox_pieces> pieces_{};

    SessionEnd end_;
    bool sending_failed_ = false;
    bool question_open_ = false;
    io::TimePoint question_since_{};
    io::TimePoint connect_deadline_{};  ///< of the connection, and then of the login
    io::TimePoint farewell_deadline_{};
    io::TimePoint session_expires_after_{};  ///< whatever its deadline is
    std::uint64_t signs_of_life_ = 0;        ///< the session's, at the last look
    Probes probes_;

    io::Completion receive_;
    io::Completion send_;
    io::Completion timer_;
    io::Completion close_;
    io::TimePoint timer_due_{};
};

}  // namespace caponier::relay
