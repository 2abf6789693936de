#pragma once
// Two sessions in memory, a client and a server, joined by nothing but their outboxes: the rig for
// everything that can be said about the protocol without a socket. Time is a number, randomness a
// seed, and the stream is cut wherever the seed says. Questions that only a user or a key file
// could answer are answered here.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ssh/crypto/signing_key.h"
#include "ssh/session.h"
#include "tests/sim/random.h"

namespace caponier::sim {

/// How a direction of the stream is cut into the pieces that receive() sees.
enum class Cut : std::uint8_t { whole, random, single_bytes };

class Pair {
  public:
    struct Options {
        std::uint64_t seed = 1;
        Cut cut = Cut::whole;
        ssh::SessionConfig client;  ///< role, random and user are filled in
        ssh::SessionConfig server;  ///< the same, and a host key if it has none
        /// The client's randomness, for a test that wants to run the same client again.
        std::optional<ssh::RandomSource> client_random;
        /// Changes or drops bytes on their way; sees each piece before it is delivered.
        std::function<void(bool to_server, std::vector<std::byte>& piece)> tamper;
        /// The server takes the user without authentication questions.
        bool server_accepts_user = true;
        bool client_accepts_host_key = true;
    };

    /// One end: the session, what was said to it and by it.
    class End {
      public:
        [[nodiscard]] ssh::Session& session() noexcept { return *session_; }

        /// Bytes of channel data that arrived, by channel number.
        std::vector<std::vector<std::byte>> received;
        /// Grants at once what arrives; a test that tests windows turns it off.
        bool grants = true;
        /// Collects what arrives in `received`.
        bool keeps_data = true;
        /// Sees every event that the pair does not answer itself, in order. Views are valid during
        /// the call.
        std::function<void(const ssh::Event&)> on_event;
        /// The last SessionEnded, with its words.
        std::optional<ssh::Error> ended;
        std::string end_text;
        bool established = false;
        std::size_t keys_changed = 0;
        bool strict = false;
        std::size_t bytes_sent = 0;  ///< on the wire

      private:
        friend class Pair;
        std::unique_ptr<ssh::Session> session_;
        std::vector<std::byte> wire_;  ///< on the way to it
        std::vector<std::byte> tail_;  ///< delivered, and not consumed
        std::deque<std::function<void()>> answers_;
    };

    explicit Pair(Options options);

    /// Moves what is in the outboxes and answers what is asked, once in each direction. False:
    /// there was nothing to do.
    bool step();
    /// step() until both are quiet, at most `steps_max` times (then false).
    bool drive(std::size_t steps_max = 100'000);
    void pass(std::chrono::nanoseconds time);

    /// Drives until both ends are established; false if one ended first.
    [[nodiscard]] bool establish();
    /// Opens a channel from the client, which the server accepts; drives until it is open.
    struct Channel {
        ssh::LocalChannelId client{};
        ssh::LocalChannelId server{};
    };
    [[nodiscard]] std::optional<Channel> open_channel();

    /// Sends all of `bytes`, driving whenever the window or the outbox is full; false if it stalls.
    [[nodiscard]] bool send_all(End& from,
                                ssh::LocalChannelId id,
                                std::span<const std::byte> bytes);

    [[nodiscard]] ssh::TimePoint now() const noexcept { return now_; }

    End client;
    End server;
    /// The server accepts channels that are asked for; a test that wants to refuse turns it off.
    bool server_accepts_channels = true;
    std::vector<ssh::LocalChannelId> requested;  ///< of the server, in order
    std::vector<ssh::LocalChannelId> opened;     ///< of the client, in order

    /// The server's host key pair and the client's user key pair: fixed, from fixed seeds.
    [[nodiscard]] static const ssh::SigningKey& host_key();
    [[nodiscard]] static const ssh::SigningKey& user_key();

  private:
    [[nodiscard]] bool move(End& from, End& to, bool to_server);
    void deliver(End& to, std::span<const std::byte> piece);
    void take_events(End& end);
    void handle(End& end, const ssh::Event& event);
    [[nodiscard]] std::size_t next_cut(std::size_t available);

    Options options_;
    Random chance_;
    Random client_random_;
    Random server_random_;
    ssh::TimePoint now_{std::chrono::seconds{1'000}};
};

/// A RandomSource over a seeded generator that outlives the session.
[[nodiscard]] ssh::RandomSource random_source(Random& generator) noexcept;

}  // namespace caponier::sim
