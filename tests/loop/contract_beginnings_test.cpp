// The contract of loop.h: listen, accept, connect, and what addresses say.

#include <array>
#include <cerrno>
#include <string>

#include "tests/loop/contract.h"

namespace caponier::looptest {

namespace {

TEST_P(LoopContract, OneAcceptBringsManyConnections) {
    constexpr int count = 100;
    io::Socket& listening = listener();
    Operation& accept = operation();
    loop().accept(listening, accept.done);

    std::vector<Operation*> connects;
    for (int each = 0; each < count; ++each) {
        loop().connect(loop().local_address(listening), connects.emplace_back(&operation())->done);
    }

    ASSERT_TRUE(completes(accept, count));
    EXPECT_EQ(accept.sockets.size(), static_cast<std::size_t>(count));
    EXPECT_TRUE(accept.more);
    EXPECT_TRUE(accept.done.in_flight());
    for (Operation* connect : connects) {
        EXPECT_TRUE(completes(*connect));
        EXPECT_EQ(connect->error, 0);
    }
}

TEST_P(LoopContract, ConnectionsThatCameBeforeTheAcceptAreAccepted) {
    io::Socket& listening = listener();
    Operation& connect = operation();
    loop().connect(loop().local_address(listening), connect.done);
    ASSERT_TRUE(completes(connect));

    Operation& accept = operation();
    loop().accept(listening, accept.done);

    EXPECT_TRUE(completes(accept));
    EXPECT_EQ(accept.sockets.size(), 1U);
}

TEST_P(LoopContract, AConnectWithoutAListenerIsRefused) {
    io::Socket unused;
    std::swap(unused, listener());
    const io::Address address = loop().local_address(unused);
    Operation& close = operation();
    loop().close(std::move(unused), close.done);
    ASSERT_TRUE(completes(close));

    Operation& connect = operation();
    loop().connect(address, connect.done);

    ASSERT_TRUE(completes(connect));
    EXPECT_EQ(connect.error, ECONNREFUSED);
    EXPECT_TRUE(connect.sockets.empty());
}

TEST_P(LoopContract, AnAddressInUseCannotBeListenedOn) {
    const io::Address address = loop().local_address(listener());

    const io::IoResult<io::Socket> second = loop().listen(address);

    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().number, EADDRINUSE);
}

TEST_P(LoopContract, BothEndsAgreeOnTheirAddresses) {
    io::Socket& listening = listener();
    Pair& pair = connected_through(listening);

    EXPECT_NE(loop().local_address(listening).port(), 0);
    EXPECT_EQ(loop().peer_address(pair.near).to_string(),
              loop().local_address(listening).to_string());
    EXPECT_EQ(loop().local_address(pair.near).to_string(),
              loop().peer_address(pair.far).to_string());
}

TEST_P(LoopContract, UnixSocketsCarryBytesBothWaysAndEnd) {
    Pair& pair = connected_through(listener_at(rig().unused_unix_address()));

    ASSERT_TRUE(send_all(pair.near, "there"));
    ASSERT_TRUE(send_all(pair.far, "back"));
    EXPECT_EQ(receive_all(pair.far, 5), "there");
    EXPECT_EQ(receive_all(pair.near, 4), "back");
    Operation& close = operation();
    loop().close(std::move(pair.near), close.done);
    ASSERT_TRUE(completes(close));

    Operation& receive = operation();
    loop().receive(pair.far, pool(), 100, receive.done);
    ASSERT_TRUE(completes(receive));
    EXPECT_EQ(receive.error, 0);
    EXPECT_EQ(receive.bytes, 0U);
}

TEST_P(LoopContract, AnAcceptWithoutDescriptorsEndsAndCanBeTriedAgain) {
    io::Socket& listening = listener();
    Operation& connect = operation();
    loop().connect(loop().local_address(listening), connect.done);
    ASSERT_TRUE(completes(connect));
    Operation& accept = operation();

    rig().set_descriptors_exhausted(true);
    loop().accept(listening, accept.done);
    const bool ended = completes(accept);
    const std::size_t ran_after_it = loop().run_once(false) + loop().run_once(false);
    rig().set_descriptors_exhausted(false);

    ASSERT_TRUE(ended);
    EXPECT_EQ(accept.error, EMFILE);
    EXPECT_FALSE(accept.more);
    EXPECT_FALSE(accept.done.in_flight());
    EXPECT_EQ(ran_after_it, 0U);
    loop().accept(listening, accept.done);
    ASSERT_TRUE(completes(accept, 2));
    EXPECT_EQ(accept.error, 0);
    EXPECT_EQ(accept.sockets.size(), 1U);
}

TEST_P(LoopContract, AListenerMayBeClosedInsideTheCallbackOfItsAccept) {
    io::Socket& listening = listener();
    const io::Address address = loop().local_address(listening);
    Operation& first = operation();
    Operation& second = operation();
    loop().connect(address, first.done);
    loop().connect(address, second.done);
    ASSERT_TRUE(completes(first));
    ASSERT_TRUE(completes(second));
    Operation& accept = operation();
    Operation& close = operation();
    int accepts_before_close = 0;
    accept.then = [&] {
        if (accept.calls == 1) {
            loop().close(std::move(listening), close.done);
        }
    };
    close.then = [&] {
        accepts_before_close = accept.calls;
        EXPECT_FALSE(accept.done.in_flight());
    };

    loop().accept(listening, accept.done);

    ASSERT_TRUE(completes(close));
    EXPECT_EQ(accept.error, ECANCELED);
    EXPECT_FALSE(accept.more);
    run_a_few_turns();
    EXPECT_EQ(accept.calls, accepts_before_close);
}

}  // namespace

}  // namespace caponier::looptest
