// Resolving with a deadline; no test asks a real name server.

#include "engine/client/resolve.h"

#include <semaphore>
#include <stop_token>
#include <thread>

#include <gtest/gtest.h>

namespace caponier::client {
namespace {

using namespace std::chrono_literals;
using Cause = ResolveError::Cause;

/// Lets a stuck lookup go on, and tells when it is over. Static, because a lookup that was given up
/// outlives the test's frame.
std::counting_semaphore<> may_answer{0};
std::counting_semaphore<> has_answered{0};

Resolved stuck_lookup(const Endpoint&) {
    may_answer.acquire();
    has_answered.release();
    return std::vector<io::Address>{};
}

/// And waits until it is over: what releases it must not release that of the next test.
void let_go_of_the_lookup() {
    may_answer.release();
    has_answered.acquire();
}

Resolved two_addresses(const Endpoint& endpoint) {
    return std::vector{*io::Address::ip("192.0.2.1", endpoint.port),
                       *io::Address::ip("2001:db8::1", endpoint.port)};
}

Resolved no_such_name(const Endpoint&) {
    return tl::unexpected{ResolveError{Cause::no_such_name, "no such host"}};
}

Resolved must_not_be_called(const Endpoint&) {
    ADD_FAILURE() << "a numeric address needs no lookup";
    return std::vector<io::Address>{};
}

TEST(Resolve, NumericAddressesNeedNoLookup) {
    const Resolved four = resolve({"192.0.2.1", 22}, 1h, {}, &must_not_be_called);
    const Resolved six = resolve({"2001:db8::1", 22}, 1h, {}, &must_not_be_called);

    ASSERT_TRUE(four && six);
    EXPECT_EQ(four->front().to_string(), "192.0.2.1:22");
    EXPECT_EQ(six->front().to_string(), "[2001:db8::1]:22");
}

TEST(Resolve, BringsTheAnswerOfTheLookup) {
    for (const std::chrono::milliseconds patience : {std::chrono::milliseconds{1h}, 0ms}) {
        const Resolved resolved = resolve({"bastion", 2222}, patience, {}, &two_addresses);

        ASSERT_TRUE(resolved);
        ASSERT_EQ(resolved->size(), 2);
        EXPECT_EQ(resolved->back().to_string(), "[2001:db8::1]:2222");
    }
}

TEST(Resolve, BringsTheErrorOfTheLookup) {
    const Resolved resolved = resolve({"bastion", 22}, 1h, {}, &no_such_name);

    ASSERT_FALSE(resolved);
    EXPECT_EQ(resolved.error().cause, Cause::no_such_name);
}

TEST(Resolve, GoesOnWithoutALookupThatIsStuck) {
    const Resolved resolved = resolve({"bastion\x1b", 22}, 2ms, {}, &stuck_lookup);

    ASSERT_FALSE(resolved);
    EXPECT_EQ(resolved.error().cause, Cause::no_answer);
    EXPECT_NE(resolved.error().message.find("bastion\\x1b: the resolver did not answer"),
              std::string::npos);
    let_go_of_the_lookup();
}

TEST(Resolve, IsGivenUpAtOnceInTheMiddleOfALookup) {
    static std::binary_semaphore looks_up{0};
    std::stop_source stopping;
    std::thread person{[&stopping] {
        looks_up.acquire();
        stopping.request_stop();
    }};

    const Resolved resolved = resolve({"bastion", 22}, 0ms, stopping.get_token(), [](const auto&) {
        looks_up.release();
        return stuck_lookup({});
    });

    ASSERT_FALSE(resolved);
    EXPECT_EQ(resolved.error().cause, Cause::given_up);
    let_go_of_the_lookup();
    person.join();
}

TEST(Resolve, DoesNotWaitWhenItWasGivenUpBefore) {
    std::stop_source stopping;
    stopping.request_stop();

    const Resolved resolved = resolve({"bastion", 22}, 0ms, stopping.get_token(), &stuck_lookup);

    ASSERT_FALSE(resolved);
    EXPECT_EQ(resolved.error().cause, Cause::given_up);
    let_go_of_the_lookup();
}

TEST(Resolve, KnowsTheNamesOfThisMachine) {
    const Resolved resolved = lookup_addresses({"localhost", 80});

    ASSERT_TRUE(resolved) << resolved.error().message;
    EXPECT_EQ(resolved->front().port(), 80);
}

}  // namespace
}  // namespace caponier::client
