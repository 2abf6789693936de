#pragma once
// Local clients of a forward that leads to an echo. Each sends bytes of its own, verifies every one
// that comes back, ends its side, and wants to see the end of the other. All live on the thread of
// the test, which turns them.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/socket.h"

namespace caponier::looptest {

class EchoClients {
  public:
    enum class Fate : std::uint8_t {
        open,
        completed,  ///< all bytes came back, and behind them the end
        cut,        ///< a reset, or an end before the last byte
        damaged,    ///< a byte that was never sent, or not there
    };

    class Client {
      public:
        Client(std::uint16_t to_port, std::size_t bytes, std::size_t pause_at);

        [[nodiscard]] Fate fate() const noexcept { return fate_; }
        [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
        [[nodiscard]] std::size_t received() const noexcept { return received_; }
        /// Everything before its pause has come back.
        [[nodiscard]] bool pauses() const noexcept { return received_ == may_send_; }
        void resume() noexcept { may_send_ = bytes_; }

      private:
        friend class EchoClients;
        [[nodiscard]] std::byte byte_at(std::size_t position) const noexcept;
        [[nodiscard]] short wanted() const noexcept;
        void turn(short happened);
        void send();
        void receive();

        io::Socket socket_;
        std::uint16_t port_ = 0;
        std::size_t bytes_ = 0;
        std::size_t may_send_ = 0;
        std::size_t sent_ = 0;
        std::size_t received_ = 0;
        bool ended_ = false;
        Fate fate_ = Fate::open;
        int error_ = 0;  ///< of the last receive
    };

    /// Connects `count` of them. Each sends `bytes`, and pauses before the `pause_at`th until it is
    /// told to resume().
    void connect(std::uint16_t to_port, std::size_t count, std::size_t bytes, std::size_t pause_at);
    void connect(std::uint16_t to_port, std::size_t count, std::size_t bytes) {
        connect(to_port, count, bytes, bytes);
    }
    void resume() noexcept;

    /// False if it takes longer than half a minute.
    [[nodiscard]] bool turn_until(const std::function<bool()>& done);
    /// Until none is open.
    [[nodiscard]] bool turn_to_the_end();

    [[nodiscard]] const std::vector<std::unique_ptr<Client>>& all() const noexcept {
        return clients_;
    }
    [[nodiscard]] std::size_t count(Fate fate) const noexcept;
    [[nodiscard]] bool all_pause() const noexcept;
    /// Those that did not complete, a line each.
    [[nodiscard]] std::string incomplete() const;

  private:
    std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace caponier::looptest
