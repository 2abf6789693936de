#pragma once
// The far end of a ScriptedSession: plays the server's part of the frames on one simulated SSH
// connection (scripted_bastion.h accepts it), and is every target behind it. It runs on a SimLoop
// of its own, over the same network as the relay, and holds the relay to the windows that it gave.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "engine/io/loop.h"
#include "tests/sim/frames.h"
#include "tests/sim/journey.h"
#include "tests/sim/random.h"

namespace caponier::sim {

/// What the server is like; drawn from the seed.
struct ServerScript {
    /// How it leaves once it has taken `leaves_after_frames` frames (0: it stays).
    enum class Leave : std::uint8_t { by_fin, by_reset, by_disconnect, by_silence };
    Leave leave{};
    std::uint32_t leaves_after_frames = 0;
    bool refuses_first_identity = false;
    std::uint32_t is_short = 0;  ///< in ten thousand opens: refuses for lack of resources
    std::uint32_t rekeys_after_frames = 0;  ///< and again after as many; 0: never
    std::uint32_t window_bytes = 64 * 1024;
    std::uint32_t packet_bytes = 32 * 1024;
    std::uint32_t chunk_bytes_max = 4096;   ///< of one data frame
    std::chrono::nanoseconds pause_max{0};  ///< between two things that it does
};

class ScriptedServer {
  public:
    ScriptedServer(io::Loop& loop,
                   io::BufferPool& pool,
                   Ledger& ledger,
                   const ServerScript& script,
                   std::uint64_t seed);
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;
    ~ScriptedServer();

    /// Serves a connection, the `number`th of the bastion.
    void serve(io::Socket&& socket, std::size_t number);
    /// Closes whatever is open.
    void stop() noexcept;
    [[nodiscard]] bool is_idle() const noexcept;
    /// It left as the script says: the session had to die.
    [[nodiscard]] bool has_left() const noexcept { return left_; }
    /// Nothing of any channel is still to be taken.
    [[nodiscard]] bool is_quiet() const noexcept { return !socket_ || left_ || channels_.empty(); }
    [[nodiscard]] bool has_goodbye() const noexcept { return goodbye_received_; }
    /// The connection ended without a goodbye of the relay's, whoever is to blame.
    [[nodiscard]] bool was_disturbed() const noexcept { return left_ || ended_early_; }

  private:
    struct Channel {
        Journey* journey = nullptr;
        /// Which opening of the journey this is: it may have been placed on another session since,
        /// and the target behind this channel is then one that nobody listens to any more.
        std::uint32_t opening = 0;
        bool answered = false;
        bool eof_received = false;
        bool close_received = false;
        bool eof_sent = false;
        bool close_sent = false;
        std::uint32_t may_send = 0;     ///< of the client's window
        std::uint32_t may_receive = 0;  ///< of ours
        std::uint32_t consumed = 0;     ///< taken by the target, not granted back yet
        std::uint32_t held = 0;         ///< received while the target stalls
        io::TimePoint stalled_until{};
        bool stalled_once = false;
    };

    void on_received(io::Outcome& outcome) noexcept;
    void on_sent(io::Outcome& outcome) noexcept;
    void on_pause_over(io::Outcome& outcome) noexcept;
    void on_closed(io::Outcome& outcome) noexcept;
    void on_stall_over(io::Outcome& outcome) noexcept;

    void take(const Frame& frame);
    void take_open(const Frame& frame);
    void take_channel_frame(const Frame& frame, Channel& channel);
    void take_data(const Frame& frame, Channel& channel);
    void leave();

    /// One step of every channel; whether there is more to do at once.
    bool act();
    bool act_on(std::uint32_t number, Channel& channel);
    bool answer_open(std::uint32_t number, Channel& channel);
    bool consume(std::uint32_t number, Channel& channel);
    bool send_data(std::uint32_t number, Channel& channel);
    bool send_end(std::uint32_t number, Channel& channel);
    void act_later(std::chrono::nanoseconds delay);
    void wait_for_stall(io::TimePoint end);
    void flush();
    void put(FrameKind kind, std::uint32_t channel, std::span<const std::byte> payload = {});
    void put_numbers(FrameKind kind, std::uint32_t channel, std::vector<std::uint32_t> numbers);
    void violate(const char* what);

    io::Loop& loop_;
    io::BufferPool& pool_;
    Ledger& ledger_;
    ServerScript script_;
    Random random_;
    FrameReader reader_;
    FrameWriter writer_;
    io::Socket socket_;
    std::size_t number_ = 0;
    std::map<std::uint32_t, Channel> channels_;
    std::vector<std::byte> input_;
    std::vector<std::byte> output_;
    std::vector<std::byte> sending_;  ///< the part of the output that a send points to
    std::size_t sending_begin_ = 0;
    std::array<io::Piece, 1> piece_{};
    std::uint32_t frames_ = 0;
    bool identified_once_ = false;
    io::TimePoint stall_end_{};
    bool left_ = false;
    bool silent_ = false;
    bool goodbye_received_ = false;
    bool ended_early_ = false;
    bool disconnect_sent_ = false;

    io::Completion receive_;
    io::Completion send_;
    io::Completion pause_;
    io::Completion stall_;
    io::Completion close_;
};

}  // namespace caponier::sim
