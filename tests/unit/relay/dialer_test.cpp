// Staggered connection attempts, on virtual time.

#include "engine/relay/dialer.h"

#include <cerrno>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/relay/ground.h"

namespace caponier::relay {
namespace {

using std::chrono::milliseconds;

class DialerTest : public testing::Test, protected Dialer::User {
  protected:
    ~DialerTest() override = default;

    void dialed(io::Socket&& socket) noexcept override {
        ++connections;
        reached = ground.loop.peer_address(socket).host();
        connected = std::move(socket);
    }
    void dial_failed(int os_error) noexcept override { failures.push_back(os_error); }

    io::Address silent(std::string_view host) {
        const io::Address address = address_of(host, 22);
        ground.loop.silent.insert(address.to_string());
        return address;
    }
    io::Address listening(std::string_view host) {
        const io::Address address = address_of(host, 22);
        listeners.push_back(*ground.network.listen(address));
        return address;
    }
    static io::Address closed(std::string_view host) { return address_of(host, 22); }

    static constexpr std::chrono::seconds patience{10};
    Ground ground;
    Dialer dialer{ground.loop, *this};
    std::vector<int> listeners;
    int connections = 0;
    std::string reached;
    io::Socket connected;
    std::vector<int> failures;
};

TEST_F(DialerTest, ConnectsToTheFirstAddressThatAnswers) {
    const std::vector addresses{listening("10.0.0.1"), listening("10.0.0.2")};

    dialer.start(addresses, patience);
    ground.settle();

    EXPECT_EQ(reached, "10.0.0.1");
    EXPECT_EQ(ground.loop.dialed.size(), 1U);
    EXPECT_TRUE(dialer.is_idle());
}

TEST_F(DialerTest, DoesNotWaitForTheHeadStartOfAnAddressThatRefuses) {
    const std::vector addresses{closed("10.0.0.1"), listening("10.0.0.2")};

    dialer.start(addresses, patience);
    ground.settle();

    EXPECT_EQ(reached, "10.0.0.2");
}

TEST_F(DialerTest, GivesEachSilentAddressItsHeadStart) {
    const std::vector addresses{silent("10.0.0.1"), silent("10.0.0.2"), listening("10.0.0.3")};
    dialer.start(addresses, patience);

    ground.pass(2 * dial_head_start - milliseconds{1});
    EXPECT_EQ(connections, 0);
    EXPECT_EQ(ground.loop.dialed.size(), 2U);
    ground.pass(milliseconds{2});

    EXPECT_EQ(reached, "10.0.0.3");
    ground.settle();
    EXPECT_TRUE(dialer.is_idle());
}

TEST_F(DialerTest, TellsTheLastErrorWhenNoAddressAnswers) {
    const std::vector addresses{closed("10.0.0.1"), closed("10.0.0.2")};

    dialer.start(addresses, patience);
    ground.settle();

    EXPECT_EQ(failures, std::vector{ECONNREFUSED});
    EXPECT_EQ(connections, 0);
    EXPECT_TRUE(dialer.is_idle());
}

TEST_F(DialerTest, WaitsForASilentAddressWhenAllOthersHaveFailed) {
    const std::vector addresses{silent("10.0.0.1"), closed("10.0.0.2")};

    dialer.start(addresses, patience);
    ground.pass(std::chrono::seconds{30});

    EXPECT_TRUE(failures.empty());
    dialer.stop();
    ground.settle();
}

TEST_F(DialerTest, TriesAllAddressesOfAName) {
    std::vector<io::Address> addresses;
    for (int count = 1; count <= 40; ++count) {
        addresses.push_back(closed("10.0.0." + std::to_string(count)));
    }
    addresses.push_back(listening("10.0.1.1"));

    dialer.start(addresses, patience);
    ground.settle();

    EXPECT_EQ(reached, "10.0.1.1");
}

TEST_F(DialerTest, ReachesTheLastOfManySilentAddressesWhileThereIsPatience) {
    std::vector<io::Address> addresses;
    for (std::size_t count = 1; count < dial_addresses_max; ++count) {
        addresses.push_back(silent("10.0.0." + std::to_string(count)));
    }
    addresses.push_back(listening("10.0.1.1"));
    dialer.start(addresses, patience);

    ground.pass(patience / 2);

    EXPECT_EQ(reached, "10.0.1.1");
    ground.settle();
    EXPECT_TRUE(dialer.is_idle());
}

TEST_F(DialerTest, KeepsTheUsualHeadStartWhereNobodyIsInAHurry) {
    const std::vector addresses{silent("10.0.0.1"), silent("10.0.0.2"), listening("10.0.0.3")};
    dialer.start(addresses, std::chrono::nanoseconds{0});

    ground.pass(2 * dial_head_start - milliseconds{1});
    EXPECT_EQ(connections, 0);
    ground.pass(milliseconds{2});

    EXPECT_EQ(reached, "10.0.0.3");
}

TEST_F(DialerTest, TriesNoMoreAddressesThanItsLimit) {
    std::vector<io::Address> addresses;
    for (std::size_t count = 0; count < dial_addresses_max; ++count) {
        addresses.push_back(closed("10.0.0." + std::to_string(count + 1)));
    }
    addresses.push_back(listening("10.0.1.1"));

    dialer.start(addresses, patience);
    ground.settle();

    EXPECT_EQ(ground.loop.dialed.size(), dial_addresses_max);
    EXPECT_EQ(failures.size(), 1U);
}

TEST_F(DialerTest, SaysNothingAfterItWasStopped) {
    const std::vector addresses{silent("10.0.0.1"), listening("10.0.0.2")};
    dialer.start(addresses, patience);

    dialer.stop();
    ground.pass(std::chrono::seconds{1});

    EXPECT_EQ(connections, 0);
    EXPECT_TRUE(failures.empty());
    EXPECT_TRUE(dialer.is_idle());
}

TEST_F(DialerTest, ClosesALoserThatConnectedAfterAll) {
    ground.simulated.set_faults({.late_completion = 10'000,
                                 .finished_despite_cancel = 10'000,
                                 .late_max = std::chrono::seconds{5}});
    std::vector<io::Address> addresses;
    constexpr std::size_t many = 8;
    for (std::size_t count = 0; count < many; ++count) {
        addresses.push_back(listening("10.0.0." + std::to_string(count + 1)));
    }

    dialer.start(addresses, patience);
    ground.pass(std::chrono::seconds{30});

    std::size_t reached_listeners = 0;
    std::size_t still_connected = 0;
    for (const int listener : listeners) {
        if (const std::optional<int> accepted = ground.network.take_waiting(listener)) {
            ++reached_listeners;
            still_connected += Peer{ground.network, *accepted}.saw_end() ? 0 : 1;
        }
    }
    EXPECT_EQ(connections, 1);
    EXPECT_GT(reached_listeners, 1U);
    EXPECT_EQ(still_connected, 1U);
    EXPECT_TRUE(dialer.is_idle());
}

TEST_F(DialerTest, CanBeStartedAgain) {
    const std::vector nobody{closed("10.0.0.1")};
    const std::vector somebody{listening("10.0.0.2")};
    dialer.start(nobody, patience);
    ground.settle();

    dialer.start(somebody, patience);
    ground.settle();

    EXPECT_EQ(failures.size(), 1U);
    EXPECT_EQ(reached, "10.0.0.2");
}

}  // namespace
}  // namespace caponier::relay
