// The right to a buffer: given back once, and room for a tail in front of the bytes.

#include "engine/io/buffer_pool.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace caponier::io {
namespace {

/// Two buffers of eight bytes with a headroom of four, and a record of what came back.
class TwoBuffers final : public BufferPool {
  public:
    [[nodiscard]] const Shape& shape() const noexcept override { return shape_; }
    [[nodiscard]] std::uint32_t available() const noexcept override { return 0; }

    Lease lease(std::uint32_t index, std::string_view text) {
        const auto bytes = std::as_bytes(std::span{text});
        std::ranges::copy(bytes, buffer(index));
        return Lease{*this, index, static_cast<std::uint32_t>(text.size())};
    }

    std::vector<std::uint32_t> returned;

  private:
    std::byte* buffer(std::uint32_t index) noexcept override {
        return std::next(memory_.data(), index == 0 ? 4 : 16);
    }
    void give_back(std::uint32_t index) noexcept override { returned.push_back(index); }

    Shape shape_{.buffers = 2, .buffer_bytes = 8, .headroom_bytes = 4};
    std::array<std::byte, 24> memory_{};
};

std::string text_of(std::span<const std::byte> bytes) {
    std::string text;
    std::ranges::transform(
        bytes, std::back_inserter(text), [](std::byte byte) { return static_cast<char>(byte); });
    return text;
}

TEST(Lease, ShowsTheBytesThatArrived) {
    TwoBuffers pool;

    const Lease lease = pool.lease(0, "hello");

    EXPECT_TRUE(lease);
    EXPECT_EQ(text_of(lease.bytes()), "hello");
}

TEST(Lease, HoldsNothingFromTheStart) {
    const Lease lease;

    EXPECT_FALSE(lease);
    EXPECT_TRUE(lease.bytes().empty());
}

TEST(Lease, GivesItsBufferBackOnceHoweverItMoved) {
    TwoBuffers pool;
    {
        Lease first = pool.lease(1, "x");
        Lease second{std::move(first)};
        Lease third;
        third = std::move(second);
        EXPECT_FALSE(first);
        EXPECT_FALSE(second);
        EXPECT_TRUE(pool.returned.empty());
    }

    EXPECT_EQ(pool.returned, std::vector<std::uint32_t>{1});
}

TEST(Lease, GivesBackWhatItHadWhenItIsGivenAnother) {
    TwoBuffers pool;
    Lease kept = pool.lease(0, "old");

    kept = pool.lease(1, "new");

    EXPECT_EQ(pool.returned, std::vector<std::uint32_t>{0});
    EXPECT_EQ(text_of(kept.bytes()), "new");
}

TEST(Lease, SurvivesBeingAssignedToItself) {
    TwoBuffers pool;
    Lease lease = pool.lease(0, "kept");
    Lease& same = lease;

    lease = std::move(same);

    EXPECT_TRUE(pool.returned.empty());
    EXPECT_EQ(text_of(lease.bytes()), "kept");
}

TEST(Lease, PutsATailInFrontOfItsBytes) {
    TwoBuffers pool;
    const Lease earlier = pool.lease(0, "1234");
    const Lease later = pool.lease(1, "5678");

    const std::span<std::byte> both = later.prepend(earlier.bytes());

    EXPECT_EQ(text_of(both), "12345678");
    EXPECT_EQ(both.data() + 4, later.bytes().data());
    EXPECT_EQ(text_of(later.prepend({})), "5678");
}

TEST(LeaseDeathTest, RefusesATailThatIsLargerThanTheHeadroom) {
    TwoBuffers pool;
    const Lease lease = pool.lease(0, "x");
    const std::array<std::byte, 5> tail{};

    EXPECT_DEATH((void)lease.prepend(tail), "broken contract");
}

}  // namespace
}  // namespace caponier::io
