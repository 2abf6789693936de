#pragma once
// A program that uses a tunnel: connects to the relay's listener, sends and receives what its
// journey says, as fast or slowly as it says, and writes down what it saw.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/io/loop.h"
#include "tests/sim/journey.h"
#include "tests/sim/random.h"

namespace caponier::sim {

class LocalClient {
  public:
    LocalClient(io::Loop& loop, io::BufferPool& pool, Ledger& ledger, std::uint64_t seed);
    LocalClient(const LocalClient&) = delete;
    LocalClient& operator=(const LocalClient&) = delete;
    ~LocalClient();

    /// Connects after `delay` to the listener that leads to `target_port`.
    void start(const io::Address& listener,
               std::uint16_t target_port,
               std::chrono::nanoseconds delay);
    /// Gives up, if it is not over.
    void stop() noexcept;
    /// It has seen the end of its journey and has nothing in flight.
    [[nodiscard]] bool is_over() const noexcept;

  private:
    void on_start(io::Outcome& outcome) noexcept;
    void on_connected(io::Outcome& outcome) noexcept;
    void on_sent(io::Outcome& outcome) noexcept;
    void on_shut_down(io::Outcome& outcome) noexcept;
    void on_received(io::Outcome& outcome) noexcept;
    void on_pause_over(io::Outcome& outcome) noexcept;
    void on_patience_over(io::Outcome& outcome) noexcept;
    void on_closed(io::Outcome& outcome) noexcept;

    void send_more();
    void end_upload();
    void receive_more();
    void receive_after_pause();
    void vanish_if_planned();
    void upload_failed();
    void finish_if_both_ended();
    void close(bool by_reset);

    io::Loop& loop_;
    io::BufferPool& pool_;
    Ledger& ledger_;
    Random random_;
    io::Address listener_;
    std::uint16_t target_port_ = 0;
    Journey* journey_ = nullptr;
    io::Socket socket_;
    std::vector<std::byte> chunk_;
    std::array<io::Piece, 1> piece_{};
    bool upload_failed_ = false;
    bool stalled_once_ = false;
    bool over_ = false;

    io::Completion start_;
    io::Completion connect_;
    io::Completion send_;
    io::Completion shutdown_;
    io::Completion receive_;
    io::Completion pause_;
    io::Completion patience_;
    io::Completion close_;
};

}  // namespace caponier::sim
