#pragma once
// What every test of the contract suite starts from: a loop, operations that remember what they
// came to, and connected pairs of sockets. Whatever a test leaves behind is canceled and closed.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "engine/io/loop.h"
#include "tests/loop/loop_rig.h"

namespace caponier::looptest {

/// One operation and what it came to.
struct Operation {
    Operation() { done.bind<&Operation::on_done>(*this); }
    void on_done(io::Outcome& outcome) noexcept;

    io::Completion done;
    int calls = 0;
    /// Of the last call.
    int error = 0;
    std::size_t bytes = 0;
    bool more = false;
    io::Lease buffer;
    /// Of all calls.
    std::vector<io::Socket> sockets;
    /// Called at the end of each callback.
    std::function<void()> then;
};

/// Two ends of one connection.
struct Pair {
    io::Socket near;
    io::Socket far;
};

class LoopContract : public testing::TestWithParam<LoopKind> {
  protected:
    LoopContract();
    ~LoopContract() override;

    [[nodiscard]] io::Loop& loop() noexcept { return rig_->loop(); }
    [[nodiscard]] LoopRig& rig() noexcept { return *rig_; }
    /// 16 buffers of 4 KiB with 64 bytes of headroom.
    [[nodiscard]] io::BufferPool& pool();

    [[nodiscard]] Operation& operation() { return operations_.emplace_back(); }
    /// Runs the loop until the operation has called back `calls` times. False after ten seconds of
    /// the loop's time.
    [[nodiscard]] bool completes(Operation& operation, int calls = 1);
    [[nodiscard]] bool comes_true(const std::function<bool()>& condition);
    /// Gives the loop every opportunity to do what it must not do.
    void run_a_few_turns();
    /// How many turns the loop makes in a tenth of a second in which it should sleep.
    [[nodiscard]] int turns_of_a_rest();

    [[nodiscard]] io::Socket& listener(const io::ListenOptions& options = {});
    [[nodiscard]] io::Socket& listener_at(const io::Address& address,
                                          const io::ListenOptions& options = {});
    [[nodiscard]] Pair& connected();
    [[nodiscard]] Pair& connected_through(const io::Socket& listener);
    [[nodiscard]] io::Socket& keep(io::Socket&& socket);

    /// Sends all of it, in as many sends as it takes.
    [[nodiscard]] bool send_all(const io::Socket& socket, std::string_view text);
    /// Receives until there are `count` bytes or the stream ends.
    [[nodiscard]] std::string receive_all(const io::Socket& socket, std::size_t count);
    /// Sends until nothing more is taken, and returns how much was.
    std::size_t fill(const io::Socket& socket);

  private:
    std::unique_ptr<LoopRig> rig_;
    std::unique_ptr<io::BufferPool> pool_;
    std::deque<io::Socket> sockets_;
    std::deque<Pair> pairs_;
    std::deque<Operation> operations_;
};

/// What needs real threads or real time.
class LoopOnTheKernel : public LoopContract {};

[[nodiscard]] std::string_view text_of(const io::Lease& buffer) noexcept;
[[nodiscard]] io::Piece piece_of(std::string_view text) noexcept;
/// A text in which every stretch is different, so that a lost or swapped one shows.
[[nodiscard]] std::string long_text(std::size_t bytes);

}  // namespace caponier::looptest
