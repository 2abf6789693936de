// No packet of an established session allocates: data both ways and the window adjusts that follow
// it, under each AEAD.

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/pair.h"
#include "tests/unit/ssh/counted_allocations.h"

namespace caponier::ssh {
namespace {

constexpr std::size_t wire_bytes = 1024 * 1024;

/// Moves bytes between the two sessions of a pair as the relay does, and allocates nothing itself.
class Mover {
  public:
    explicit Mover(sim::Pair& pair) : pair_{pair}, wire_(wire_bytes) {}

    /// Sends `bytes` each way through the channel and grants them, until both are quiet.
    void exchange(const sim::Pair::Channel& channel, std::span<const std::byte> bytes) {
        Session& client = pair_.client.session();
        Session& server = pair_.server.session();
        std::size_t up = 0;
        std::size_t down = 0;
        for (bool moved = true; moved;) {
            up += client.send(channel.client, bytes.subspan(up));
            down += server.send(channel.server, bytes.subspan(down));
            moved = move(client, server);
            moved = move(server, client) || moved;
        }
    }

    std::size_t delivered = 0;

  private:
    bool move(Session& from, Session& to) {
        std::array<std::span<const std::byte>, 16> pieces;
        const std::size_t count = from.outbox(pieces);
        std::size_t filled = 0;
        for (const std::span<const std::byte> piece : std::span{pieces}.first(count)) {
            std::ranges::copy(piece, wire_.begin() + static_cast<std::ptrdiff_t>(filled));
            filled += piece.size();
        }
        from.sent(filled);
        take_events(from);
        if (filled > 0) {
            const std::size_t consumed = to.receive(std::span{wire_}.first(filled), pair_.now());
            EXPECT_EQ(consumed, filled);
            take_events(to);
        }
        return filled > 0;
    }

    void take_events(Session& session) {
        while (const std::optional<Event> event = session.next_event()) {
            if (const auto* data = std::get_if<ChannelData>(&*event)) {
                delivered += data->bytes.size();
                session.grant(data->id, static_cast<std::uint32_t>(data->bytes.size()));
            }
        }
    }

    sim::Pair& pair_;
    std::vector<std::byte> wire_;
};

class SessionAllocationWith : public ::testing::TestWithParam<const char*> {};

TEST_P(SessionAllocationWith, HappensAtTheStartAndNeverForAPacket) {
    sim::Pair::Options options;
    options.client.algorithms.cipher = {GetParam()};
    sim::Pair pair{std::move(options)};
    ASSERT_TRUE(pair.establish());
    const auto channel = pair.open_channel();
    ASSERT_TRUE(channel.has_value());
    // Several segments of the outbox at a time.
    const std::vector<std::byte> data(400'000, std::byte{'d'});
    Mover mover{pair};
    // Queues and the outbox grow to the size that this load needs.
    for (int i = 0; i < 4; ++i) {
        mover.exchange(*channel, data);
    }
    mover.delivered = 0;

    const std::size_t before = counted_allocations();
    for (int i = 0; i < 50; ++i) {
        mover.exchange(*channel, data);
        mover.exchange(*channel, std::span{data}.first(1));
    }
    const std::size_t after = counted_allocations();

    EXPECT_EQ(after - before, 0U);
    EXPECT_EQ(mover.delivered, 2U * 50U * (data.size() + 1));
}

INSTANTIATE_TEST_SUITE_P(EachAead,
                         SessionAllocationWith,
                         ::testing::Values("aes128-gcm@openssh.com",
                                           "aes256-gcm@openssh.com",
                                           "chacha20-poly1305@openssh.com"));

TEST(SessionAllocation, IsCountedInTheSessionsToo) {
    const std::size_t before = counted_allocations();

    sim::Pair pair{{}};
    ASSERT_TRUE(pair.establish());

    EXPECT_GT(counted_allocations(), before);
}

}  // namespace
}  // namespace caponier::ssh

int main(int argc, char** argv) {
    if (!caponier::ssh::count_allocations_of_libcrypto()) {
        std::fputs("libcrypto was used before it could be counted\n", stderr);
        return 1;
    }
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
