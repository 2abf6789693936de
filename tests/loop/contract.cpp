// See contract.h.

#include "tests/loop/contract.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace caponier::looptest {

namespace {

constexpr std::chrono::seconds patience{10};
constexpr int turns_without_progress = 50;
constexpr std::chrono::milliseconds rest{100};

}  // namespace

void Operation::on_done(io::Outcome& outcome) noexcept {
    ++calls;
    error = outcome.error;
    bytes = outcome.bytes;
    more = outcome.more;
    buffer = std::move(outcome.buffer);
    if (outcome.socket) {
        sockets.push_back(std::move(outcome.socket));
    }
    if (then) {
        then();
    }
}

LoopContract::LoopContract() : rig_(GetParam().make()) {}

LoopContract::~LoopContract() {
    for (Operation& operation : operations_) {
        operation.then = nullptr;
        loop().cancel(operation.done);
    }
    EXPECT_TRUE(comes_true([this] {
        return std::ranges::none_of(
            operations_, [](const Operation& operation) { return operation.done.in_flight(); });
    }));
}

io::BufferPool& LoopContract::pool() {
    if (!pool_) {
        auto made = loop().make_pool({.buffers = 16, .buffer_bytes = 4'096, .headroom_bytes = 64});
        EXPECT_TRUE(made.has_value());
        pool_ = std::move(*made);
    }
    return *pool_;
}

bool LoopContract::completes(Operation& operation, int calls) {
    return comes_true([&] { return operation.calls >= calls; });
}

bool LoopContract::comes_true(const std::function<bool()>& condition) {
    Operation alarm;
    loop().wait_until(loop().now() + patience, alarm.done);
    while (!condition() && alarm.done.in_flight()) {
        loop().run_once();
    }
    loop().cancel(alarm.done);
    while (alarm.done.in_flight()) {
        loop().run_once();
    }
    return condition();
}

void LoopContract::run_a_few_turns() {
    for (int turn = 0; turn < turns_without_progress; ++turn) {
        loop().run_once(false);
    }
}

int LoopContract::turns_of_a_rest() {
    Operation& alarm = operation();
    loop().wait_until(loop().now() + rest, alarm.done);
    int turns = 0;
    for (; alarm.done.in_flight(); ++turns) {
        loop().run_once();
    }
    return turns;
}

io::Socket& LoopContract::keep(io::Socket&& socket) {
    return sockets_.emplace_back(std::move(socket));
}

io::Socket& LoopContract::listener(const io::ListenOptions& options) {
    return listener_at(io::Address::ip("127.0.0.1", 0).value_or(io::Address{}), options);
}

io::Socket& LoopContract::listener_at(const io::Address& address,
                                      const io::ListenOptions& options) {
    io::IoResult<io::Socket> made = loop().listen(address, options);
    EXPECT_TRUE(made.has_value()) << address.to_string();
    return keep(made ? std::move(*made) : io::Socket{});
}

Pair& LoopContract::connected() {
    return connected_through(listener());
}

Pair& LoopContract::connected_through(const io::Socket& listener) {
    Operation& accept = operation();
    Operation& connect = operation();
    loop().accept(listener, accept.done);
    loop().connect(loop().local_address(listener), connect.done);
    EXPECT_TRUE(completes(connect));
    EXPECT_TRUE(completes(accept));
    EXPECT_EQ(connect.error, 0);
    EXPECT_EQ(accept.error, 0);
    loop().cancel(accept.done);
    EXPECT_TRUE(completes(accept, 2));
    return pairs_.emplace_back(
        Pair{.near = std::move(connect.sockets.at(0)), .far = std::move(accept.sockets.at(0))});
}

bool LoopContract::send_all(const io::Socket& socket, std::string_view text) {
    Operation& send = operation();
    while (!text.empty()) {
        const io::Piece piece = piece_of(text);
        const int calls = send.calls;
        loop().send(socket, {&piece, 1}, send.done);
        if (!completes(send, calls + 1) || send.error != 0) {
            return false;
        }
        text.remove_prefix(send.bytes);
    }
    return true;
}

std::string LoopContract::receive_all(const io::Socket& socket, std::size_t count) {
    Operation& receive = operation();
    std::string text;
    while (text.size() < count) {
        const int calls = receive.calls;
        loop().receive(
            socket, pool(), static_cast<std::uint32_t>(count - text.size()), receive.done);
        if (!completes(receive, calls + 1) || receive.error != 0 || receive.bytes == 0) {
            break;
        }
        text += text_of(receive.buffer);
        receive.buffer.reset();
    }
    return text;
}

std::size_t LoopContract::fill(const io::Socket& socket) {
    const std::string text(256 * 1'024, 'f');
    const io::Piece piece = piece_of(text);
    Operation& send = operation();
    std::size_t taken = 0;
    // The peer's kernel may still be moving bytes when ours is full for the first time.
    for (int refused = 0; refused < turns_without_progress;) {
        const int calls = send.calls;
        loop().send_immediately(socket, {&piece, 1}, send.done);
        EXPECT_TRUE(completes(send, calls + 1));
        taken += send.bytes;
        refused = send.error == EAGAIN ? refused + 1 : 0;
        if (send.error != 0 && send.error != EAGAIN) {
            break;
        }
    }
    return taken;
}

std::string_view text_of(const io::Lease& buffer) noexcept {
    const std::span<const std::byte> bytes = buffer.bytes();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

io::Piece piece_of(std::string_view text) noexcept {
    return io::piece_of(std::as_bytes(std::span{text}));
}

std::string long_text(std::size_t bytes) {
    std::string text;
    for (std::size_t number = 0; text.size() < bytes; ++number) {
        text += std::to_string(number) + ' ';
    }
    text.resize(bytes);
    return text;
}

}  // namespace caponier::looptest
