#pragma once
// The application of a session under test: moves bytes between the session and a descriptor, takes
// every event and keeps what they said per channel. Tests wait for conditions with until().

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ssh/crypto/signing_key.h"
#include "ssh/session.h"

namespace caponier::ssh::test {

/// What became of one channel, and what it does by itself.
struct DrivenChannel {
    std::uint64_t stream_in = 0;   ///< whose bytes are expected
    std::uint64_t stream_out = 0;  ///< whose bytes are sent
    std::uint64_t bytes_out = 0;   ///< how many of them
    bool end_when_sent = true;     ///< EOF after the last one
    bool grants = true;            ///< gives window back for what arrives

    bool opened = false;
    std::optional<OpenFailure> refused{};
    std::uint64_t sent = 0;
    bool blocked = false;  ///< until WindowOpened or SendReady
    bool eof_sent = false;
    std::uint64_t received = 0;
    std::uint64_t granted = 0;
    bool intact = true;  ///< every byte was the expected one
    bool eof = false;
    bool closed = false;
    bool cut = false;
};

class WireDriver {
  public:
    /// Chooses how many of `available` new bytes the next receive() is given.
    using Cut = std::function<std::size_t(std::size_t available)>;

    WireDriver(std::unique_ptr<Session> session, int descriptor);

    [[nodiscard]] Session& session() noexcept { return *session_; }
    void cut_input(Cut cut) { cut_ = std::move(cut); }
    /// Accepts the host key and uses this key at the first AuthenticationWanted.
    void log_in_with(const SigningKey& key) { key_ = &key; }
    /// How long until() waits; 20 seconds unless told.
    void be_patient(std::chrono::seconds patience) { patience_ = patience; }
    /// Moves bytes until the condition holds; false if that takes too long.
    [[nodiscard]] bool until(const std::function<bool()>& condition);
    [[nodiscard]] bool until_established();

    /// Opens a channel to loopback; the id in `channels`.
    LocalChannelId open(std::uint16_t port, const DrivenChannel& channel);
    LocalChannelId open(const OpenTarget& target, const DrivenChannel& channel);
    [[nodiscard]] DrivenChannel& channel(LocalChannelId id) { return channels[id]; }
    /// Grants what was received so far and goes on granting.
    void resume(LocalChannelId id);

    /// A channel that the server opened for a forward; accepted, and driven as `incoming` says.
    struct Incoming {
        LocalChannelId id{};
        ForwardId forward{};
    };
    DrivenChannel incoming;
    std::vector<Incoming> arrived;
    std::vector<ForwardReply> forward_replies;

    std::map<LocalChannelId, DrivenChannel> channels;
    std::string identification;
    std::vector<std::byte> host_key;
    bool host_key_received = false;
    std::vector<std::string> authentication_wanted;
    std::vector<std::byte> to_sign;
    unsigned int probes_answered = 0;
    unsigned int keys_changed = 0;  ///< how often; the rest is of the last time
    std::string kex;
    std::string cipher_out;
    std::string cipher_in;
    std::optional<Error> ended;
    std::string end_text;
    std::size_t outbox_bytes_seen_max = 0;

  private:
    void turn();
    void flush();
    void feed();
    void take_events();
    void take(const Event& event);
    void send_on(LocalChannelId id, DrivenChannel& channel);
    void sign(const SignatureWanted& wanted);

    std::unique_ptr<Session> session_;
    int descriptor_;
    Cut cut_;
    std::chrono::seconds patience_{20};
    const SigningKey* key_ = nullptr;
    std::vector<std::byte> input_;
    std::size_t offered_bytes_ = 0;  ///< the beginning of `input_` that the session has seen
    bool input_ended_ = false;
};

}  // namespace caponier::ssh::test
