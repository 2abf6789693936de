// What an event loop costs over loopback, both ends in one thread and one loop, through the
// contract of engine/io/loop.h alone: the round trip of a small message, and bulk throughput. The
// numbers are in README.md.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "engine/io/choose_loop.h"

namespace caponier {

namespace {

constexpr std::size_t echo_bytes = 64;
constexpr std::size_t bulk_bytes_in_flight = 256 * 1'024;

[[noreturn]] void give_up(const std::string& reason) {
    std::fprintf(stderr, "loop_bench: %s\n", reason.c_str());
    std::exit(1);
}

std::unique_ptr<io::Loop> make_loop(io::Backend backend) {
    tl::expected<io::ChosenLoop, std::string> chosen = io::choose_loop(backend);
    if (!chosen) {
        give_up(chosen.error());
    }
    return std::move(chosen->loop);
}

/// A completion that keeps its outcome, for what is waited for at once.
struct Waiting {
    explicit Waiting(io::Loop& on) : loop(on) { done.bind<&Waiting::on_done>(*this); }
    void on_done(io::Outcome& outcome) noexcept {
        error = outcome.error;
        if (outcome.socket) {
            socket = std::move(outcome.socket);
        }
        called = true;
    }
    void wait() {
        while (!std::exchange(called, false)) {
            loop.run_once();
        }
    }

    io::Loop& loop;
    io::Completion done;
    io::Socket socket;
    int error = 0;
    bool called = false;
};

struct Pair {
    io::Socket near;
    io::Socket far;
};

Pair connect(io::Loop& loop) {
    io::IoResult<io::Socket> listener =
        loop.listen(io::Address::ip("127.0.0.1", 0).value_or(io::Address{}));
    if (!listener) {
        give_up("cannot listen on loopback");
    }
    Waiting accept{loop};
    Waiting near{loop};
    Waiting closed{loop};
    loop.accept(*listener, accept.done);
    loop.connect(loop.local_address(*listener), near.done);
    near.wait();
    accept.wait();
    loop.close(std::move(*listener), closed.done);
    closed.wait();
    if (!near.socket || !accept.socket) {
        give_up("cannot connect over loopback");
    }
    return {.near = std::move(near.socket), .far = std::move(accept.socket)};
}

/// One end of a connection that receives and sends what a benchmark tells it to.
class End {
  public:
    End(io::Loop& loop, io::BufferPool& pool, io::Socket socket)
        : loop_(loop), pool_(pool), socket_(std::move(socket)) {
        receive_.bind<&End::on_received>(*this);
        send_.bind<&End::on_sent>(*this);
    }

    void receive() { loop_.receive(socket_, pool_, pool_.shape().buffer_bytes, receive_); }
    void send(std::span<const std::byte> bytes) {
        rest_ = bytes;
        send_rest();
    }
    void close() {
        is_closing_ = true;
        Waiting closed{loop_};
        loop_.close(std::move(socket_), closed.done);
        closed.wait();
    }

    std::size_t received = 0;
    bool echoes = false;          ///< sends back what it receives
    bool sends_for_ever = false;  ///< sends the same bytes again and again
    bool receives_for_ever = false;

  private:
    void on_received(io::Outcome& outcome) noexcept {
        received += outcome.bytes;
        if (outcome.error != 0 || is_closing_) {
            return;
        }
        if (echoes) {
            echoed_ = std::move(outcome.buffer);
            send(echoed_.bytes());
        }
        outcome.buffer.reset();
        if (receives_for_ever) {
            receive();
        }
    }

    void on_sent(io::Outcome& outcome) noexcept {
        if (outcome.error != 0 || is_closing_) {
            return;
        }
        rest_ = rest_.subspan(outcome.bytes);
        if (rest_.empty() && sends_for_ever) {
            rest_ = whole_;
        }
        if (rest_.empty()) {
            echoed_.reset();
        } else {
            send_rest();
        }
    }

    void send_rest() noexcept {
        if (whole_.empty()) {
            whole_ = rest_;
        }
        piece_ = io::piece_of(rest_);
        loop_.send(socket_, {&piece_, 1}, send_);
    }

    io::Loop& loop_;
    io::BufferPool& pool_;
    io::Socket socket_;
    io::Completion receive_;
    io::Completion send_;
    io::Lease echoed_;
    bool is_closing_ = false;
    io::Piece piece_{};
    std::span<const std::byte> whole_;
    std::span<const std::byte> rest_;
};

void echo_round_trip(benchmark::State& state, io::Backend backend) {
    const std::unique_ptr<io::Loop> loop = make_loop(backend);
    auto pool = loop->make_pool({.buffers = 8, .buffer_bytes = 4'096});
    if (!pool) {
        give_up("no buffers");
    }
    Pair pair = connect(*loop);
    End asking{*loop, **pool, std::move(pair.near)};
    End answering{*loop, **pool, std::move(pair.far)};
    answering.echoes = true;
    answering.receives_for_ever = true;
    answering.receive();
    const std::vector<std::byte> message(echo_bytes);

    for (auto iteration : state) {
        asking.received = 0;
        asking.receive();
        asking.send(message);
        while (asking.received < echo_bytes) {
            loop->run_once();
        }
    }

    asking.close();
    answering.close();
}

void bulk_throughput(benchmark::State& state, io::Backend backend) {
    const auto receive_bytes = static_cast<std::uint32_t>(state.range(0));
    const std::unique_ptr<io::Loop> loop = make_loop(backend);
    auto pool = loop->make_pool({.buffers = 4, .buffer_bytes = receive_bytes});
    if (!pool) {
        give_up("no buffers");
    }
    Pair pair = connect(*loop);
    End sending{*loop, **pool, std::move(pair.near)};
    End receiving{*loop, **pool, std::move(pair.far)};
    sending.sends_for_ever = true;
    receiving.receives_for_ever = true;
    const std::vector<std::byte> bytes(bulk_bytes_in_flight);
    receiving.receive();
    sending.send(bytes);

    constexpr std::size_t per_iteration = 16 * 1'024 * 1'024;
    for (auto iteration : state) {
        receiving.received = 0;
        while (receiving.received < per_iteration) {
            loop->run_once();
        }
    }

    state.SetBytesProcessed(static_cast<std::int64_t>(per_iteration) *
                            static_cast<std::int64_t>(state.iterations()));
    sending.close();
    receiving.close();
}

}  // namespace

}  // namespace caponier

int main(int argc, char** argv) {
    using caponier::io::Backend;
    for (const Backend backend : {Backend::io_uring, Backend::epoll}) {
        const std::string name = backend == Backend::epoll ? "epoll" : "io_uring";
        benchmark::RegisterBenchmark(
            ("echo_round_trip/" + name).c_str(),
            [backend](benchmark::State& state) { caponier::echo_round_trip(state, backend); });
        benchmark::RegisterBenchmark(
            ("bulk_throughput/" + name).c_str(),
            [backend](benchmark::State& state) { caponier::bulk_throughput(state, backend); })
            ->Arg(64 * 1'024)
            ->Arg(512 * 1'024);
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 1;
    }
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
