#pragma once
// A session under fuzz: what its peer sends and what its application does, step by step as the
// input says, under the cipher that does nothing. The peer is under no rule; the application keeps
// to the contract of ssh/session.h, because breaking that is no peer's fault. After every step the
// promises of the session are checked.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "ssh/event.h"
#include "ssh/session.h"
#include "ssh/transport/key_exchange.h"
#include "ssh/transport/outbox.h"
#include "ssh/transport/packet_opener.h"
#include "ssh/transport/packet_sealer.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/sim/pair.h"
#include "tests/sim/random.h"

namespace caponier::fuzz {

/// One byte of the input, and what follows it. Numbers are never given to another step: they are
/// the format of the corpus. Others are passed over.
enum class Step : std::uint8_t {
    message = 0,         ///< uint16 length, payload: the peer sends it
    again = 1,           ///< byte count: the peer sends its last message so many times more
    raw = 2,             ///< uint16 length, bytes: as they are, without a frame
    open = 3,            ///< the application asks for a channel
    send = 4,            ///< byte channel, uint16 bytes
    grant = 5,           ///< byte channel: all that is owed
    eof = 6,             ///< byte channel
    close = 7,           ///< byte channel
    widen = 8,           ///< byte channel, uint16 bytes
    rekey = 9,           ///< the application wants new keys
    probe = 10,          ///< and a sign of life
    pass_time = 11,      ///< byte seconds; expire() where it is due
    stop_reading = 12,   ///< the socket takes nothing more
    start_reading = 13,  ///< it does again
    answer_yes = 14,     ///< the oldest open question
    answer_no = 15,
    kexinit = 16,    ///< the peer sends a right SSH_MSG_KEXINIT
    kex_value = 17,  ///< its right public value, signed where it is the server
    newkeys = 18,    ///< its SSH_MSG_NEWKEYS
    disconnect = 19,
    request_forward = 20,
    cancel_forward = 21,      ///< the oldest
    gather = 22,              ///< what the peer sends is delivered in one piece with what follows
    deliver = 23,             ///< now
    answer_password = 24,     ///< a client that has to choose a method tries this one
    answer_interactive = 25,  ///< or this one
    answer_partly = 26,       ///< a server wants more
    ask_prompts = 27,         ///< byte count: or asks
    request_any_port = 28,    ///< a forward whose port the server chooses
    request_socket = 29,      ///< a forward of a unix socket
    open_socket = 30,         ///< the application asks for a channel of one
    identification = 31,      ///< the peer sends its line
};

/// Of the two sessions that come together before an input starts: the same bytes every time.
[[nodiscard]] sim::Pair::Options pair_under_fuzz();

class SessionSteps {
  public:
    enum class From : std::uint8_t { start, keys, established };

    /// Two sessions come so far together; the one of `role` stays. From the start on there are no
    /// keys, and the peer has still to say who it is.
    SessionSteps(ssh::Role role, From from);

    void take(Input& input);

  private:
    /// What the application was asked and has not answered.
    struct Question {
        enum class Kind : std::uint8_t {
            host_key,
            signature,
            method,
            prompts,
            user,
            channel,
            forward
        };
        Kind kind{};
        ssh::LocalChannelId channel{};  ///< of channel
        std::string name;               ///< of signature the algorithm, of user the method
        std::vector<std::byte> data;    ///< what is to be signed
        std::size_t prompts = 0;
        bool wants_port = false;  ///< of forward: the client left it to us
        bool is_query = false;    ///< would this key do?
    };

    void take_step(Step step, Input& input);
    void take_peer_step(Step step, Input& input);
    void open(bool is_socket);
    void take_forward_step(Step step);
    void take_channel_step(Step step, Input& input);
    void send_message(std::span<const std::byte> payload);
    void deliver();
    void read();
    void take_message(std::span<const std::byte> payload);
    void send_kexinit();
    void send_kex_value();
    void take_events();
    void take_event(const ssh::Event& event);
    Question& ask(Question::Kind kind);
    void answer(Step step, Input& input);
    void answer_server(const Question& question, Step step);
    void answer_user(const Question& question, Step step, std::size_t prompts);
    void check() const;

    ssh::Role role_;
    std::unique_ptr<sim::Pair> pair_;
    ssh::Session& session_;
    ssh::TimePoint now_;

    // The peer.
    sim::Random random_{9};
    ssh::Outbox outbox_;
    ssh::PacketSealer sealer_;
    ssh::PacketOpener opener_;
    std::vector<std::byte> to_session_;
    std::vector<std::byte> from_session_;
    std::vector<std::byte> last_message_;
    bool gathers_ = false;
    bool reads_ = true;
    ssh::KeyExchange::Frame frame_;
    std::unique_ptr<ssh::KeyExchange> kex_;
    bool kex_is_negotiated_ = false;
    bool kex_value_came_ = false;
    std::vector<std::byte> kexinit_of_session_;
    bool identified_ = true;          ///< the session's own line was read
    bool session_is_in_kex_ = false;  ///< between its own KEXINIT and NEWKEYS

    // The application.
    std::deque<Question> questions_;
    std::string method_;                        ///< of the request that a server judges
    std::deque<ssh::ForwardId> forwards_;       ///< asked for and not over
    std::set<ssh::LocalChannelId> unanswered_;  ///< asked for by the peer, not accepted
    bool ended_ = false;
};

}  // namespace caponier::fuzz
