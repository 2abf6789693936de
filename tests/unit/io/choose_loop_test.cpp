// The names of the backends, as --io= takes them. Which loop comes of them is tested in tests/loop.

#include "engine/io/choose_loop.h"

#include <gtest/gtest.h>

namespace caponier::io {
namespace {

TEST(BackendName, IsOneOfThree) {
    EXPECT_EQ(backend_of("auto"), Backend::automatic);
    EXPECT_EQ(backend_of("uring"), Backend::io_uring);
    EXPECT_EQ(backend_of("epoll"), Backend::epoll);
}

TEST(BackendName, IsRefusedIfItIsAnythingElse) {
    EXPECT_FALSE(backend_of(""));
    EXPECT_FALSE(backend_of("AUTO"));
    EXPECT_FALSE(backend_of("io_uring"));
    EXPECT_FALSE(backend_of("epoll "));
}

}  // namespace
}  // namespace caponier::io
