#pragma once
// One forwarded connection between a local client that makes plain system calls and an upstream
// that records.

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/relay/counters.h"
#include "engine/relay/forwarded_connection.h"
#include "tests/unit/relay/fakes.h"
#include "tests/unit/relay/ground.h"

namespace caponier::relay {

class ForwardedConnectionTest : public testing::Test, protected ForwardedConnection::Owner {
  protected:
    explicit ForwardedConnectionTest(const sim::NetworkShape& shape = {}) : ground(shape) {
        small_pool = *ground.loop.make_pool(
            {.buffers = 4, .buffer_bytes = small_local_buffer_bytes, .headroom_bytes = 0});
        large_pool = *ground.loop.make_pool(
            {.buffers = 4, .buffer_bytes = local_buffer_bytes, .headroom_bytes = 0});
        session_pool = *ground.loop.make_pool(
            {.buffers = 4, .buffer_bytes = session_buffer_bytes, .headroom_bytes = 0});
        listener = *ground.network.listen(address);
        client = std::make_unique<Peer>(connect());
        connection = accept();
    }
    ~ForwardedConnectionTest() override {
        connection->abort();
        ground.pass(std::chrono::seconds{1});
        EXPECT_EQ(ends, 1);
        connection.reset();
        if (came_back) {
            ground.network.close(came_back.release());
        }
        EXPECT_EQ(counters.connections_open.read(), 0U);
        EXPECT_EQ(ground.simulated.leases_out(), 0U);
        EXPECT_EQ(ground.simulated.in_flight(), 0U);
    }

    void connection_ended(ForwardedConnection&) noexcept override { ++ends; }
    void returned(ForwardedConnection&,
                  io::Socket&& socket,
                  const Refusal& refusal) noexcept override {
        came_back = std::move(socket);
        returns.push_back(std::string{refusal.reason} +
                          (refusal.shortage == Shortage::channels ? ", shortage" : ""));
    }

    Peer connect() { return {ground.network, *ground.network.connect(address)}; }
    std::unique_ptr<ForwardedConnection> accept() {
        const ForwardedConnection::Surroundings around{
            ground.loop, *small_pool, *large_pool, *this, observer, counters};
        return std::make_unique<ForwardedConnection>(
            around, io::Socket{*ground.network.take_waiting(listener)}, target);
    }

    /// Another client and its connection, over the same pools.
    struct Extra {
        Peer client;
        std::unique_ptr<ForwardedConnection> connection;
    };
    std::vector<Extra> connect_more(std::size_t count, Upstream& over) {
        std::vector<Extra> made;
        while (made.size() < count) {
            Peer peer = connect();
            made.push_back({peer, accept()});
            made.back().connection->start(&over);
            made.back().connection->opened();
        }
        return made;
    }
    void abort(std::vector<Extra>& extras) {
        for (Extra& extra : extras) {
            extra.connection->abort();
        }
        ground.pass(std::chrono::seconds{1});
        ends -= static_cast<int>(extras.size());
        extras.clear();
    }

    void open() {
        connection->start(&upstream);
        connection->opened();
        ground.settle();
        upstream.told.clear();
        observer.told.clear();
    }
    /// As the session worker does with one receive buffer. Without a free round: to be copied.
    void bring(const Words& pieces) {
        std::string all;
        for (const std::string& piece : pieces) {
            all += piece;
        }
        ReceiveRound* round = free_round();
        if (round == nullptr) {
            for (std::string piece : pieces) {
                connection->data(std::as_writable_bytes(std::span{piece}), nullptr);
            }
            return;
        }
        std::span<std::byte> rest = begin(*round, all);
        for (const std::string& piece : pieces) {
            connection->data(rest.first(piece.size()), round);
            rest = rest.subspan(piece.size());
        }
        end(*round);
    }
    std::span<std::byte> begin(ReceiveRound& round, const std::string& text) {
        io::Lease lease = static_cast<sim::SimPool&>(*session_pool).lease(bytes_of(text));
        const std::span<std::byte> bytes = lease.bytes();
        round.begin(std::move(lease), bytes);
        return bytes;
    }
    static void end(ReceiveRound& round) {
        for (StreamUser* user : round.touched()) {
            user->deliver();
        }
        round.release();
    }
    ReceiveRound* free_round() {
        for (ReceiveRound& round : rounds) {
            if (round.is_free()) {
                return &round;
            }
        }
        return nullptr;
    }

    Ground ground;
    const io::Address address = address_of("127.0.0.1", 8080);
    int listener = -1;
    const Target target{"db.internal", 5432};
    FakeUpstream upstream;
    RecordingObserver observer;
    Counters counters;
    std::unique_ptr<io::BufferPool> small_pool;
    std::unique_ptr<io::BufferPool> large_pool;
    std::unique_ptr<io::BufferPool> session_pool;
    std::array<ReceiveRound, 2> rounds;
    std::unique_ptr<Peer> client;
    std::unique_ptr<ForwardedConnection> connection;
    int ends = 0;
    io::Socket came_back;
    Words returns;
};

/// The two kernels hold 200 bytes between them, as if the client read nothing for long.
class StoppedReader : public ForwardedConnectionTest {
  protected:
    StoppedReader()
        : ForwardedConnectionTest({.send_queue_bytes = 100, .receive_queue_bytes = 100}) {
        open();
    }
};

}  // namespace caponier::relay
