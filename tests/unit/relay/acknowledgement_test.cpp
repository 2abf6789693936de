// When what a socket brought is acknowledged: at once, or when a bulk transfer pauses.

#include "engine/relay/acknowledgement.h"

#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "engine/relay/limits.h"
#include "tests/unit/relay/ground.h"

namespace caponier::relay {
namespace {

constexpr std::size_t large_bytes = 128 * 1024;

class AcknowledgementTest : public testing::Test {
  protected:
    AcknowledgementTest() {
        listening_ = *ground.network.listen(address_);
        connect_.bind<&AcknowledgementTest::on_connected>(*this);
        ground.loop.connect(address_, connect_);
        ground.settle();
        EXPECT_TRUE(socket);
    }
    ~AcknowledgementTest() override {
        acknowledgement->stop();
        ground.settle();
        EXPECT_TRUE(acknowledgement->is_idle());
        acknowledgement.reset();
        ground.loop.close(std::move(socket), connect_);
        ground.settle();
    }

    void receive(std::size_t bytes) {
        acknowledgement->received(bytes);
        acknowledgement->turn_ended();
    }
    /// Brings what a bulk download brings without a pause; returns the count of acknowledgements.
    std::size_t receive_bulk() {
        for (std::size_t bytes = 0; bytes < 4 * burst_bytes_at_once; bytes += large_bytes) {
            receive(large_bytes);
            ground.pass(burst_pause / 5);
        }
        return ground.loop.acknowledgements;
    }

    Ground ground;
    io::Socket socket;
    std::optional<Acknowledgement> acknowledgement{std::in_place, ground.loop, socket};

  private:
    void on_connected(io::Outcome& outcome) noexcept { socket = std::move(outcome.socket); }

    const io::Address address_ = address_of("10.0.0.1", 22);
    int listening_ = -1;
    io::Completion connect_;
};

TEST_F(AcknowledgementTest, GoesOutAtOnceWhereNothingIsSent) {
    receive(64);

    EXPECT_EQ(ground.loop.acknowledgements, 1U);
}

TEST_F(AcknowledgementTest, TravelsWithWhatIsSent) {
    acknowledgement->received(64);
    acknowledgement->sent();
    acknowledgement->turn_ended();

    EXPECT_EQ(ground.loop.acknowledgements, 0U);
}

TEST_F(AcknowledgementTest, IsSaidOnce) {
    receive(64);
    acknowledgement->turn_ended();
    acknowledgement->turn_ended();

    EXPECT_EQ(ground.loop.acknowledgements, 1U);
}

TEST_F(AcknowledgementTest, GoesOutAtOnceForTheBeginningOfABurst) {
    receive(burst_bytes_at_once / 2);
    receive(burst_bytes_at_once / 2);

    EXPECT_EQ(ground.loop.acknowledgements, 2U);
}

TEST_F(AcknowledgementTest, WaitsForThePauseOfABulkDownload) {
    const std::size_t during = receive_bulk();
    EXPECT_LE(during, burst_bytes_at_once / large_bytes);

    ground.pass(2 * burst_pause);

    EXPECT_EQ(ground.loop.acknowledgements, during + 1);
}

TEST_F(AcknowledgementTest, GoesOutAtOnceForASmallReceiveWithinABulkDownload) {
    const std::size_t during = receive_bulk();

    receive(small_receive_bytes);

    EXPECT_EQ(ground.loop.acknowledgements, during + 1);
    ground.pass(2 * burst_pause);
    EXPECT_EQ(ground.loop.acknowledgements, during + 1);
}

TEST_F(AcknowledgementTest, CountsABurstAnewAfterAPause) {
    static_cast<void>(receive_bulk());
    ground.pass(2 * burst_pause);
    const std::size_t before = ground.loop.acknowledgements;

    receive(large_bytes);

    EXPECT_EQ(ground.loop.acknowledgements, before + 1);
}

TEST_F(AcknowledgementTest, LetsTheLastBytesOfABulkDownloadTravelWithWhatIsSent) {
    const std::size_t during = receive_bulk();

    acknowledgement->sent();
    ground.pass(2 * burst_pause);

    EXPECT_EQ(ground.loop.acknowledgements, during);
}

}  // namespace
}  // namespace caponier::relay
