#pragma once
// What the relay's unit tests stand on: the simulated network with virtual time, a loop over it
// whose rarer failures a test can ask for, and the local client of a forwarded connection.

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/io/loop.h"
#include "tests/sim/sim_loop.h"
#include "tests/sim/sim_network.h"

namespace caponier::relay {

inline std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text.data(), text.size()});
}

inline std::string text_of(std::span<const std::byte> bytes) {
    std::string text;
    for (const std::byte byte : bytes) {
        text += static_cast<char>(byte);
    }
    return text;
}

/// Text of which no two nearby parts look alike.
inline std::string pattern(std::size_t length, unsigned seed = 0) {
    std::string text;
    for (std::size_t at = 0; at < length; ++at) {
        text += static_cast<char>('a' + (at * 7 + at / 26 + seed) % 26);
    }
    return text;
}

inline io::Address address_of(std::string_view host, std::uint16_t port) {
    return io::Address::ip(host, port).value_or(io::Address{});
}

/// A SimLoop that counts, and that can be made to fail where SimLoop has no fault for it.
class TestLoop final : public io::Loop {
  public:
    explicit TestLoop(sim::SimLoop& base) noexcept : base_(base) {}

    std::set<std::string> silent;   ///< addresses that never answer a connect
    std::set<std::string> missing;  ///< addresses that this machine does not have
    bool has_memory = true;         ///< for pools
    std::size_t accepts = 0;        ///< submitted
    std::size_t receives = 0;       ///< submitted
    std::size_t acknowledgements = 0;
    std::set<std::string> dialed;  ///< addresses of connects
    std::chrono::nanoseconds cpu_time{0};

    std::string_view name() const noexcept override { return base_.name(); }
    io::TimePoint now() const noexcept override { return base_.now(); }
    std::size_t run_once(bool wait) noexcept override { return base_.run_once(wait); }
    io::IoResult<std::unique_ptr<io::BufferPool>> make_pool(
        const io::BufferPool::Shape& shape) override {
        if (!has_memory) {
            return tl::unexpected{io::IoError{ENOMEM}};
        }
        return base_.make_pool(shape);
    }
    io::IoResult<io::Socket> listen(const io::Address& address,
                                    const io::ListenOptions& options) override {
        if (missing.contains(address.host())) {
            return tl::unexpected{io::IoError{EADDRNOTAVAIL}};
        }
        return base_.listen(address, options);
    }
    io::Address local_address(const io::Socket& socket) const noexcept override {
        return base_.local_address(socket);
    }
    io::Address peer_address(const io::Socket& socket) const noexcept override {
        return base_.peer_address(socket);
    }
    std::size_t undelivered_bytes(const io::Socket& socket) const noexcept override {
        return base_.undelivered_bytes(socket);
    }
    void set_no_delay(const io::Socket& socket) noexcept override { base_.set_no_delay(socket); }
    void set_unsent_low_water(const io::Socket& socket, std::uint32_t bytes) noexcept override {
        base_.set_unsent_low_water(socket, bytes);
    }
    void acknowledge_now(const io::Socket& socket) noexcept override {
        ++acknowledgements;
        base_.acknowledge_now(socket);
    }
    std::chrono::nanoseconds thread_cpu_time() const noexcept override { return cpu_time; }
    void accept(const io::Socket& listener, io::Completion& done) noexcept override {
        ++accepts;
        base_.accept(listener, done);
    }
    void connect(const io::Address& address, io::Completion& done) noexcept override {
        dialed.insert(address.to_string());
        if (silent.contains(address.to_string())) {
            base_.wait_until(base_.now() + std::chrono::hours{24}, done);
        } else {
            base_.connect(address, done);
        }
    }
    void receive(const io::Socket& socket,
                 io::BufferPool& pool,
                 std::uint32_t limit_bytes,
                 io::Completion& done) noexcept override {
        ++receives;
        base_.receive(socket, pool, limit_bytes, done);
    }
    void send(const io::Socket& socket,
              std::span<const io::Piece> pieces,
              io::Completion& done) noexcept override {
        base_.send(socket, pieces, done);
    }
    void send_immediately(const io::Socket& socket,
                          std::span<const io::Piece> pieces,
                          io::Completion& done) noexcept override {
        base_.send_immediately(socket, pieces, done);
    }
    void shutdown(const io::Socket& socket, io::Completion& done) noexcept override {
        base_.shutdown(socket, done);
    }
    void watch_hangup(const io::Socket& socket, io::Completion& done) noexcept override {
        base_.watch_hangup(socket, done);
    }
    void close(io::Socket&& socket, io::Completion& done) noexcept override {
        base_.close(std::move(socket), done);
    }
    void reset(io::Socket&& socket, io::Completion& done) noexcept override {
        base_.reset(std::move(socket), done);
    }
    void wait_until(io::TimePoint due, io::Completion& done) noexcept override {
        base_.wait_until(due, done);
    }
    void cancel(io::Completion& done) noexcept override { base_.cancel(done); }
    void post(io::Completion& done) noexcept override { base_.post(done); }

  private:
    sim::SimLoop& base_;
};

/// The network, the loop, and time that passes only when a test says so.
class Ground {
  public:
    explicit Ground(const sim::NetworkShape& shape = {}) : network(1, shape) {
        timer_.bind<&Ground::on_time_passed>(*this);
    }

    sim::SimNetwork network;
    sim::SimLoop simulated{network};
    TestLoop loop{simulated};

    /// One turn of whoever runs the loop.
    std::function<void()> turn = [this] { loop.run_once(true); };

    void pass(std::chrono::nanoseconds duration) {
        time_passed_ = false;
        loop.wait_until(network.now() + duration, timer_);
        while (!time_passed_) {
            turn();
        }
    }
    /// Time passes while nobody turns the loop: the process is stopped, and the world goes on.
    void stand_still(std::chrono::nanoseconds duration) {
        bool is_over = false;
        network.schedule(duration, [&is_over] { is_over = true; });
        while (!is_over) {
            network.advance();
        }
    }
    /// Everything that follows at once; shorter than any timer of the relay.
    void settle() { pass(std::chrono::microseconds{200}); }

  private:
    void on_time_passed(io::Outcome&) noexcept { time_passed_ = true; }

    io::Completion timer_;
    bool time_passed_ = false;
};

/// The far end of a connection, as a program that makes plain system calls.
class Peer {
  public:
    Peer(sim::SimNetwork& network, int number) noexcept : network_(network), number_(number) {}

    void write(std::string_view text) { network_.write(number_, bytes_of(text)); }
    /// What has arrived, at most `count` bytes of it.
    std::string read(std::size_t count = SIZE_MAX) {
        return text_of(network_.read(number_, std::min(count, network_.readable_bytes(number_))));
    }
    void shut_down() { network_.shut_down(number_); }
    void reset() { network_.reset(number_); }
    /// The end of the stream was read, and no error.
    [[nodiscard]] bool saw_end() const {
        return network_.is_readable(number_) && network_.readable_bytes(number_) == 0 &&
               network_.error_of(number_) == 0;
    }
    [[nodiscard]] bool saw_reset() const { return network_.error_of(number_) == ECONNRESET; }

  private:
    sim::SimNetwork& network_;
    int number_;
};

}  // namespace caponier::relay
