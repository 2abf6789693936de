// Ownership of a descriptor: closed once, by whoever holds it last.

#include "engine/io/socket.h"

#include <array>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace caponier::io {
namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) != -1;
}

/// Any descriptor will do: a Socket only closes it.
Socket open_something() {
    return Socket{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
}

TEST(Socket, IsEmptyUntilItIsGivenADescriptor) {
    const Socket socket;

    EXPECT_FALSE(socket);
    EXPECT_EQ(socket.fd(), -1);
}

TEST(Socket, ClosesItsDescriptorAtTheEnd) {
    int fd = -1;
    {
        const Socket socket = open_something();
        fd = socket.fd();
        ASSERT_TRUE(is_open(fd));
    }

    EXPECT_FALSE(is_open(fd));
}

TEST(Socket, HandsItsDescriptorOn) {
    Socket first = open_something();
    const int fd = first.fd();

    const Socket second{std::move(first)};

    EXPECT_FALSE(first);
    EXPECT_EQ(second.fd(), fd);
    EXPECT_TRUE(is_open(fd));
}

TEST(Socket, ClosesWhatItHadWhenItIsGivenAnother) {
    Socket kept = open_something();
    Socket given = open_something();
    const int old_fd = kept.fd();
    const int new_fd = given.fd();

    kept = std::move(given);

    EXPECT_FALSE(is_open(old_fd));
    EXPECT_EQ(kept.fd(), new_fd);
    EXPECT_TRUE(is_open(new_fd));
}

TEST(Socket, SurvivesBeingAssignedToItself) {
    Socket socket = open_something();
    Socket& same = socket;

    socket = std::move(same);

    EXPECT_TRUE(is_open(socket.fd()));
}

TEST(Socket, GivesItsDescriptorUpWithoutClosingIt) {
    Socket socket = open_something();
    const int fd = socket.release();

    EXPECT_FALSE(socket);
    EXPECT_TRUE(is_open(fd));
    ::close(fd);
}

}  // namespace
}  // namespace caponier::io
