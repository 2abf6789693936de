#pragma once
// One session's life, with a server that makes plain system calls, a session without SSH, and a
// policy that answers when the test says so.

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/relay/session_worker.h"
#include "tests/unit/relay/fake_session.h"
#include "tests/unit/relay/fakes.h"
#include "tests/unit/relay/ground.h"

namespace caponier::relay {

class SessionWorkerTest : public testing::Test, public SessionWorker::Owner {
  protected:
    explicit SessionWorkerTest(const sim::NetworkShape& shape = {}) : ground(shape) {
        ground.turn = [this] { turn(); };
        pool = *ground.loop.make_pool(
            {.buffers = 4, .buffer_bytes = 64 * 1024, .headroom_bytes = 1024});
        destination.addresses = {address};
        destination.factory = &factory;
        listener = *ground.network.listen(address);
        SessionWorker::Owner& owner = *this;
        const SessionWorker::Surroundings around{.loop = ground.loop,
                                                 .pool = *pool,
                                                 .destination = destination,
                                                 .observer = observer,
                                                 .slot = SessionSlot{0},
                                                 .counters = counters};
        worker = std::make_unique<SessionWorker>(around, owner);
    }
    ~SessionWorkerTest() override {
        if (ends.empty()) {
            worker->disconnect();
        }
        settle();
        pass(std::chrono::seconds{2});
        EXPECT_EQ(ends.size(), 1U);
        EXPECT_TRUE(worker->is_idle());
        worker.reset();
        EXPECT_EQ(factory.desk.policies, 0U);
        EXPECT_EQ(ground.simulated.leases_out(), 0U);
        EXPECT_EQ(ground.simulated.in_flight(), 0U);
    }

    void session_established(SessionWorker&) noexcept override { ++established; }
    void session_ended(SessionWorker&, const SessionEnd& end) noexcept override {
        ends.push_back(end);
    }
    void wants_settling(SessionWorker&) noexcept override { unsettled = true; }

    /// As a shard makes it.
    void turn() {
        ground.loop.run_once(true);
        while (std::exchange(unsettled, false)) {
            worker->settle();
        }
    }
    void settle() { ground.settle(); }
    void pass(std::chrono::nanoseconds duration) { ground.pass(duration); }
    /// Dials, and finds the server's end of the connection.
    void connect() {
        worker->start();
        settle();
        server.emplace(ground.network, ground.network.take_waiting(listener).value_or(-1));
    }
    FakeSession& session() { return *factory.session; }
    void push(const ssh::Event& event) {
        session().events.push_back(event);
        worker->settle();
        settle();
    }
    void establish() {
        connect();
        push(ssh::PeerIdentified{"SSH-2.0-Fake"});
        push(ssh::Established{});
        session().told.clear();
    }
    void answer(Answer&& answer) {
        factory.desk.answer(std::move(answer));
        settle();
    }
    StreamId open_stream() {
        const Upstream::Opened opened = worker->upstream()->open(target, {}, user);
        EXPECT_TRUE(opened.ok);
        settle();
        return opened.id;
    }
    /// The session takes each byte for the data of channel 0.
    void deliver_bytes_one_by_one() {
        session().on_receive = [this](std::span<std::byte> bytes) {
            for (std::size_t at = 0; at < bytes.size(); ++at) {
                session().events.push_back(
                    ssh::ChannelData{ssh::LocalChannelId{0}, bytes.subspan(at, 1)});
            }
            return bytes.size();
        };
    }

    const Target target{"db", 1};
    const io::Address address = address_of("10.0.0.1", 22);
    Ground ground;
    FakeFactory factory{ground.loop};
    Destination destination;
    RecordingObserver observer;
    SessionCounters counters;
    FakeStreamUser user;
    std::unique_ptr<io::BufferPool> pool;
    int listener = -1;
    std::unique_ptr<SessionWorker> worker;
    std::optional<Peer> server;
    bool unsettled = false;
    int established = 0;
    std::vector<SessionEnd> ends;
};

/// A server whose kernel takes 100 bytes and that reads nothing.
class DeafServer : public SessionWorkerTest {
  protected:
    DeafServer() : SessionWorkerTest({.send_queue_bytes = 50, .receive_queue_bytes = 50}) {}
};

}  // namespace caponier::relay
