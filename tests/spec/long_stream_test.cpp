// More bytes through one channel than 32 bits can count.

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/mman.h>

#include <gtest/gtest.h>

#include "tests/sim/pair.h"

namespace caponier::spec {
namespace {

constexpr std::size_t four_gibibytes = std::size_t{1} << 32U;

/// Pages that nobody has written to: they are one page of zeros, however many they are.
class UntouchedMemory {
  public:
    explicit UntouchedMemory(std::size_t bytes)
        : bytes_{bytes},
          address_{mmap(
              nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)} {}
    UntouchedMemory(const UntouchedMemory&) = delete;
    UntouchedMemory& operator=(const UntouchedMemory&) = delete;
    ~UntouchedMemory() { munmap(address_, bytes_); }

    [[nodiscard]] bool is_there() const noexcept { return address_ != MAP_FAILED; }
    [[nodiscard]] std::span<const std::byte> view() const noexcept {
        return {static_cast<const std::byte*>(address_), bytes_};
    }

  private:
    std::size_t bytes_;
    void* address_;
};

// Item 149: totals have 64 bits, and a length that is a multiple of 2^32 is not taken for 0.
TEST(LongStream, OfFourGibibytesAndABitArrivesByOneWriteAfterTheOther) {
    const UntouchedMemory memory{four_gibibytes};
    ASSERT_TRUE(memory.is_there());
    sim::Pair pair{{}};
    ASSERT_TRUE(pair.establish());
    const auto channel = pair.open_channel();
    ASSERT_TRUE(channel.has_value());
    pair.server.keeps_data = false;
    std::uint64_t arrived = 0;
    pair.server.on_event = [&](const ssh::Event& event) {
        if (const auto* data = std::get_if<ssh::ChannelData>(&event)) {
            arrived += data->bytes.size();
        }
    };

    // send() is offered all of 2^32 bytes at first, and all that is left each time.
    ASSERT_TRUE(pair.send_all(pair.client, channel->client, memory.view()));
    ASSERT_TRUE(pair.send_all(pair.client, channel->client, memory.view().first(70'000)));
    ASSERT_TRUE(pair.drive());

    EXPECT_EQ(arrived, std::uint64_t{four_gibibytes} + 70'000);
    EXPECT_FALSE(pair.client.ended.has_value());
    EXPECT_FALSE(pair.server.ended.has_value());
    // The window was given back as often as it was used.
    const auto state = pair.server.session().channel(channel->server);
    ASSERT_TRUE(state.has_value());
    EXPECT_EQ(state->receive_owed, 0U);
}

}  // namespace
}  // namespace caponier::spec
