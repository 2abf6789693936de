#pragma once
// The world below a SimLoop: a virtual clock, what is scheduled on it, and the sockets of every
// loop that stands on it, with the habits of Linux TCP that a relay has to cope with (bytes are in
// flight, a close with unread bytes is a reset, bytes that arrived survive a reset). It knows no
// operations and no faults; those are sim_loop.cpp's.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/io/loop.h"
#include "tests/sim/faults.h"
#include "tests/sim/random.h"
#include "tests/sim/trace.h"

namespace caponier::sim {

/// A loop that stands on the network.
class Participant {
  public:
    Participant() = default;
    Participant(const Participant&) = delete;
    Participant& operator=(const Participant&) = delete;
    virtual ~Participant() = default;
    /// Something happened on a socket that this loop used last.
    virtual void socket_changed(int number) noexcept = 0;
    /// Runs the callbacks that are ready, and returns how many.
    virtual std::size_t run_ready() noexcept = 0;
};

/// Bytes in order, taken from the front and added at the back.
class ByteQueue {
  public:
    [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() - taken_; }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    void append(std::span<const std::byte> bytes);
    /// The next `count` bytes, at most size(); valid until the next call.
    [[nodiscard]] std::span<const std::byte> take(std::size_t count) noexcept;
    void clear() noexcept;

  private:
    std::vector<std::byte> bytes_;
    std::size_t taken_ = 0;
};

class SimNetwork {
  public:
    explicit SimNetwork(std::uint64_t seed, const NetworkShape& shape = {});
    SimNetwork(const SimNetwork&) = delete;
    SimNetwork& operator=(const SimNetwork&) = delete;
    ~SimNetwork();

    [[nodiscard]] Random& random() noexcept { return random_; }
    [[nodiscard]] Trace& trace() noexcept { return trace_; }

    // ---- time ---------------------------------------------------------------------------------

    [[nodiscard]] io::TimePoint now() const noexcept { return now_; }
    /// Runs `action` once `delay` has passed, and after everything scheduled earlier for that time.
    void schedule(std::chrono::nanoseconds delay, std::function<void()> action);
    /// Runs what is due. A turn of a loop takes a microsecond, so that a busy loop cannot stop
    /// time.
    void begin_turn();
    /// Jumps to the next thing that is scheduled and runs it. False: nothing can ever happen.
    bool advance();

    void join(Participant& participant);
    void leave(Participant& participant);
    /// While one loop waits, the others run, as threads of their own would. Returns how many
    /// callbacks they ran.
    std::size_t run_others(const Participant& waiting);

    // ---- sockets: what system calls would do --------------------------------------------------

    [[nodiscard]] io::IoResult<int> listen(const io::Address& address);
    /// The new socket's number, or ECONNREFUSED where nobody listens.
    [[nodiscard]] io::IoResult<int> connect(const io::Address& address);
    /// A connection that waits to be accepted; none if there is none.
    [[nodiscard]] std::optional<int> take_waiting(int listener);
    [[nodiscard]] bool has_waiting(int listener) const noexcept;

    /// True if a receive would not wait: bytes, the end, or an error.
    [[nodiscard]] bool is_readable(int number) const noexcept;
    [[nodiscard]] std::size_t readable_bytes(int number) const noexcept;
    /// At most `count` of the bytes that arrived; valid until the next call on the network.
    [[nodiscard]] std::span<const std::byte> read(int number, std::size_t count);
    /// Room for bytes to send.
    [[nodiscard]] std::size_t room_bytes(int number) const noexcept;
    void write(int number, std::span<const std::byte> bytes);
    void shut_down(int number);
    void close(int number);
    void reset(int number);
    /// Breaks a connection: `error` for this end, a reset for the other.
    void fail(int number, int error);

    /// 0, or the errno that the connection died of.
    [[nodiscard]] int error_of(int number) const noexcept;
    [[nodiscard]] bool is_shut_down(int number) const noexcept;
    [[nodiscard]] bool is_hung_up(int number) const noexcept;
    [[nodiscard]] std::size_t undelivered_bytes(int number) const noexcept;
    [[nodiscard]] io::Address local_address(int number) const noexcept;
    [[nodiscard]] io::Address peer_address(int number) const noexcept;
    void watch(int number, Participant& watcher) noexcept;

    // ---- for tests ----------------------------------------------------------------------------

    /// Sockets that nobody closed or reset yet.
    [[nodiscard]] std::size_t sockets_open() const noexcept;
    /// What the accepted end of a connection was given to send, and what was received from it.
    struct Flow {
        std::uint64_t taken_bytes = 0;
        std::uint64_t read_bytes = 0;
    };
    /// Of the connection from the port `peer`; nothing if there is none (any more).
    [[nodiscard]] std::optional<Flow> flow_of(std::uint16_t peer) const;
    /// True if fail() ever hit either end of the connection from the port `peer`.
    [[nodiscard]] bool was_failed(std::uint16_t peer) const;

  private:
    struct Endpoint {
        Participant* watcher = nullptr;
        io::Address local;
        io::Address remote;
        int peer = -1;
        ByteQueue sending;
        ByteQueue inbound;
        std::deque<int> waiting;  ///< listener: not accepted yet
        Flow flow;
        int error = 0;
        bool listening = false;
        bool accepted = false;  ///< the listener's end of its connection
        bool in_transit = false;
        bool fin_asked = false;
        bool fin_delivered = false;
        bool fin_received = false;
        bool closed = false;  ///< given up by its owner; stays until its bytes have arrived
    };

    [[nodiscard]] Endpoint& at(int number) noexcept;
    [[nodiscard]] const Endpoint& at(int number) const noexcept;
    [[nodiscard]] Endpoint* find(int number) noexcept;
    [[nodiscard]] std::optional<int> find_listener(const io::Address& address) const;
    [[nodiscard]] io::Address unused_address(const io::Address& like);
    void notify(int number);
    void start_transit(int number);
    void finish_transit(int number);
    void send_reset(int to);
    void receive_reset(int number, int error);
    void run_due();

    Random random_;
    Trace trace_;
    NetworkShape shape_;
    io::TimePoint now_;
    std::uint64_t scheduled_ = 0;
    std::map<std::pair<io::TimePoint, std::uint64_t>, std::function<void()>> schedule_;
    std::vector<Participant*> participants_;
    std::map<int, Endpoint> endpoints_;
    std::map<std::string, int> listeners_;
    std::set<std::uint16_t> failed_;              ///< ports of the connecting ends
    std::map<std::uint16_t, int> accepted_ends_;  ///< by the port of the connecting end
    int next_number_;
    std::uint16_t next_port_ = 32'768;
};

}  // namespace caponier::sim
