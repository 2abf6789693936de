// Conversations with the target: requests and answers of chosen sizes, over connections that stay
// or that end after a number of requests, some at a time. What most protocols do is one of them,
// from a byte there and back to file systems and to services that speak first.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/prctl.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "bench/traffic/arguments.h"
#include "bench/traffic/cyclic_file.h"
#include "bench/traffic/order.h"
#include "bench/traffic/poller.h"

namespace caponier::bench {

namespace {

constexpr std::size_t read_bytes_max = std::size_t{1} << 20;
/// Without any news from any connection, beside the pauses that were asked for.
constexpr std::uint64_t patience_ns = 20'000'000'000;
constexpr std::uint64_t never = endless;

enum class End { by_client, by_reset, by_target };

struct Plan {
    sockaddr_in to;
    std::uint64_t concurrent;
    std::uint64_t duration_ns;
    std::uint64_t count_max;  ///< of what is timed
    std::uint64_t request_bytes;
    std::uint64_t answer_bytes;
    std::uint64_t greeting_bytes;  ///< 0: the target is told what to do
    std::uint64_t depth;           ///< requests under way on one connection
    std::uint64_t requests;        ///< on one connection; `endless` where it stays
    std::uint64_t pause_least_ns;
    std::uint64_t pause_most_ns;
    std::uint64_t every_ns;  ///< all connections begin at once, so often; 0: one after the other
    End end;

    /// A connection that stays is timed by its requests, and otherwise it is timed as a whole.
    [[nodiscard]] bool stays() const noexcept { return requests == endless; }
};

End end_named(std::string_view name) {
    if (name == "reset") {
        return End::by_reset;
    }
    if (name != "client" && name != "target") {
        errno = EINVAL;
        fail("--end is client, reset or target");
    }
    return name == "client" ? End::by_client : End::by_target;
}

Plan plan_from(const Arguments& arguments) {
    constexpr std::uint64_t millisecond_ns = 1'000'000;
    const std::uint64_t pause_ms = arguments.number_or("pause-ms", 0);
    return {.to = endpoint(arguments.text("connect")),
            .concurrent = arguments.number_or("concurrent", 1),
            .duration_ns = arguments.number("milliseconds") * millisecond_ns,
            .count_max = arguments.number_or("count", endless),
            .request_bytes = arguments.number("request-bytes"),
            .answer_bytes = arguments.number("answer-bytes"),
            .greeting_bytes = arguments.number_or("greeting-bytes", 0),
            .depth = arguments.number_or("depth", 1),
            .requests = arguments.number_or("requests", endless),
            .pause_least_ns = pause_ms * millisecond_ns,
            .pause_most_ns = arguments.number_or("pause-ms-max", pause_ms) * millisecond_ns,
            .every_ns = arguments.number_or("every-ms", 0) * millisecond_ns,
            .end = end_named(arguments.text_or("end", "client"))};
}

enum class State { rests, connects, greets, talks, ends };

struct Conversation {
    Descriptor socket;
    State state = State::rests;
    std::uint64_t resume_ns = 0;  ///< when the next connection or request is due
    std::uint64_t begun_ns = 0;
    std::uint64_t to_send = 0;
    bool waits_for_room = false;
    std::uint64_t to_come = 0;  ///< of the greeting, or of the answer that is under way
    std::uint64_t asked = 0;
    std::uint64_t answered = 0;
    std::vector<std::uint64_t> asked_ns;  ///< of the requests under way, in a ring
};

class Talk {
  public:
    explicit Talk(const Plan& plan) : plan_(plan), conversations_(plan.concurrent) {
        for (Conversation& conversation : conversations_) {
            conversation.asked_ns.resize(plan_.depth);
        }
    }

    int run() {
        begun_ns_ = now_ns();
        for (Conversation& conversation : conversations_) {
            conversation.resume_ns = begun_ns_;
        }
        while (!is_over()) {
            resume_who_is_due();
            wait();
            look_at_the_time();
        }
        fmt::print("{{\"begun_ns\": {}, \"ended_ns\": {}, \"cpu_ns\": {}, \"trips_ns\": [{}]}}\n",
                   begun_ns_,
                   ended_ns_,
                   cpu_ns(),
                   fmt::join(trips_, ", "));
        return 0;
    }

  private:
    /// At least one trip is waited for, however long it takes.
    void look_at_the_time() noexcept {
        if (is_open() && !trips_.empty()) {
            const std::uint64_t begun = plan_.stays() ? trips_.size() : begun_;
            begins_no_more_ = begins_no_more_ || begun >= plan_.count_max ||
                              now_ns() >= begun_ns_ + plan_.duration_ns;
        }
    }

    /// Connections that end are all brought to their end; of those that stay, what is under way is
    /// left.
    [[nodiscard]] bool is_over() const noexcept {
        return begins_no_more_ && (plan_.stays() || under_way_ == 0);
    }

    /// Whether all connections that stay have had an answer: what opening costs is not their
    /// trips'.
    [[nodiscard]] bool is_open() const noexcept {
        return !plan_.stays() || opened_ == plan_.concurrent;
    }

    void resume_who_is_due() {
        const std::uint64_t now = now_ns();
        for (Conversation& conversation : conversations_) {
            if (conversation.resume_ns > now) {
                continue;
            }
            if (conversation.state == State::rests) {
                if (!begins_no_more_ && begun_ < plan_.count_max) {
                    begin(conversation, now);
                } else {
                    conversation.resume_ns = never;
                }
            } else if (conversation.state == State::talks) {
                conversation.resume_ns = never;
                ask(conversation, now);
            }
        }
    }

    void wait() {
        const std::uint64_t now = now_ns();
        std::uint64_t next = now + patience_ns;
        bool rests = false;
        for (const Conversation& conversation : conversations_) {
            if (conversation.resume_ns != never) {
                next = rests ? std::min(next, conversation.resume_ns) : conversation.resume_ns;
                rests = true;
            }
        }
        const auto ready = poller_.wait(next > now ? static_cast<std::int64_t>(next - now) : 0);
        if (ready.empty() && !rests) {
            errno = ETIMEDOUT;
            fail(fmt::format("a conversation, after {}", trips_.size()));
        }
        for (const epoll_event& event : ready) {
            Conversation& conversation = *by_descriptor_[static_cast<std::size_t>(event.data.fd)];
            if (conversation.state == State::connects) {
                open(conversation);
            } else {
                if ((event.events & EPOLLOUT) != 0) {
                    give(conversation);
                }
                take(conversation);
            }
        }
    }

    void begin(Conversation& conversation, std::uint64_t now) {
        ++begun_;
        ++under_way_;
        // By a timetable, waiting for its turn is a part of the trip.
        conversation.begun_ns = plan_.every_ns > 0 ? conversation.resume_ns : now;
        conversation.resume_ns = never;
        conversation.asked = 0;
        conversation.answered = 0;
        conversation.to_send = 0;
        conversation.waits_for_room = false;
        conversation.state = State::connects;
        conversation.socket = start_connecting(plan_.to);
        const auto at = static_cast<std::size_t>(conversation.socket.fd());
        by_descriptor_.resize(std::max(by_descriptor_.size(), at + 1));
        by_descriptor_[at] = &conversation;
        poller_.watch(conversation.socket.fd(), EPOLLOUT);
    }

    void open(Conversation& conversation) {
        poller_.change(conversation.socket.fd(), EPOLLIN);
        if (plan_.greeting_bytes > 0) {
            conversation.state = State::greets;
            conversation.to_come = plan_.greeting_bytes;
            return;
        }
        const Order order{.verb = Verb::answer,
                          .count = plan_.end == End::by_target ? plan_.requests : endless,
                          .request_bytes = static_cast<std::uint32_t>(plan_.request_bytes),
                          .answer_bytes = static_cast<std::uint32_t>(plan_.answer_bytes)};
        const OrderBytes bytes = bytes_of(order);
        // The first request follows in the same segment, as if it were the order.
        if (send(conversation.socket.fd(), bytes.data(), bytes.size(), MSG_MORE | MSG_NOSIGNAL) !=
            static_cast<ssize_t>(bytes.size())) {
            fail("sending an order");
        }
        begin_to_talk(conversation);
    }

    void begin_to_talk(Conversation& conversation) {
        conversation.state = State::talks;
        conversation.to_come = plan_.answer_bytes;
        ask(conversation, now_ns());
    }

    /// As many requests as may be under way.
    void ask(Conversation& conversation, std::uint64_t now) {
        while (conversation.asked < plan_.requests &&
               conversation.asked - conversation.answered < plan_.depth) {
            conversation.asked_ns[conversation.asked % plan_.depth] = now;
            ++conversation.asked;
            conversation.to_send += plan_.request_bytes;
        }
        give(conversation);
    }

    void give(Conversation& conversation) {
        while (conversation.to_send > 0) {
            const ssize_t sent = send_plain(conversation.socket, conversation.to_send);
            if (sent < 0 && would_block()) {
                poller_.change(conversation.socket.fd(), EPOLLIN | EPOLLOUT);
                conversation.waits_for_room = true;
                return;
            }
            if (sent <= 0) {
                fail("sending a request");
            }
            conversation.to_send -= static_cast<std::uint64_t>(sent);
        }
        if (std::exchange(conversation.waits_for_room, false)) {
            poller_.change(conversation.socket.fd(), EPOLLIN);
        }
    }

    void take(Conversation& conversation) {
        while (conversation.state == State::greets || conversation.state == State::talks ||
               conversation.state == State::ends) {
            const ssize_t got = recv(conversation.socket.fd(), nullptr, read_bytes_max, MSG_TRUNC);
            if (got < 0 && would_block()) {
                return;
            }
            if (got == 0 && conversation.state == State::ends) {
                finish(conversation);
                return;
            }
            if (got <= 0 || conversation.state == State::ends) {
                errno = got < 0 ? errno : EPROTO;
                fail("a conversation was cut, or went on after its end");
            }
            account(conversation, static_cast<std::uint64_t>(got));
        }
    }

    void account(Conversation& conversation, std::uint64_t got) {
        while (got > 0) {
            if (conversation.state != State::greets && conversation.state != State::talks) {
                errno = EPROTO;
                fail("an answer that is too long");
            }
            const std::uint64_t more = std::min(got, conversation.to_come);
            conversation.to_come -= more;
            got -= more;
            if (conversation.to_come > 0) {
                return;
            }
            if (conversation.state == State::greets) {
                begin_to_talk(conversation);
            } else if (conversation.answered == conversation.asked) {
                errno = EPROTO;
                fail("an answer that nobody asked for");
            } else {
                answered(conversation);
            }
        }
    }

    void answered(Conversation& conversation) {
        const std::uint64_t now = now_ns();
        const std::uint64_t asked_ns = conversation.asked_ns[conversation.answered % plan_.depth];
        ++conversation.answered;
        conversation.to_come = plan_.answer_bytes;
        if (plan_.stays()) {
            count_trip(conversation, now, asked_ns);
        }
        if (conversation.answered < plan_.requests) {
            conversation.resume_ns = now + pause_ns();
            if (conversation.resume_ns <= now) {
                conversation.resume_ns = never;
                ask(conversation, now);
            }
        } else if (plan_.end == End::by_target) {
            conversation.state = State::ends;
        } else {
            finish(conversation);
        }
    }

    /// A trip on a connection that stays; the clock of them all begins when all are open.
    void count_trip(const Conversation& conversation, std::uint64_t now, std::uint64_t asked_ns) {
        if (is_open()) {
            trips_.push_back(now - asked_ns);
            ended_ns_ = now;
        } else if (conversation.answered == 1 && ++opened_ == plan_.concurrent) {
            begun_ns_ = now;
        }
    }

    void finish(Conversation& conversation) {
        if (plan_.end == End::by_reset) {
            reset_at_close(conversation.socket);
        }
        conversation.socket.close();
        conversation.state = State::rests;
        const std::uint64_t now = now_ns();
        trips_.push_back(now - conversation.begun_ns);
        ended_ns_ = now;
        --under_way_;
        conversation.resume_ns = now + pause_ns();
        if (plan_.every_ns > 0) {
            const std::uint64_t turns = (now - begun_ns_) / plan_.every_ns + 1;
            conversation.resume_ns = begun_ns_ + turns * plan_.every_ns;
        }
    }

    /// Between the least and the most, the same ones in each run.
    std::uint64_t pause_ns() noexcept {
        random_ = random_ * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
        return plan_.pause_least_ns +
               (random_ >> 33U) % (plan_.pause_most_ns - plan_.pause_least_ns + 1);
    }

    Plan plan_;
    std::vector<Conversation> conversations_;
    std::vector<Conversation*> by_descriptor_;
    Poller poller_;
    std::vector<std::uint64_t> trips_;
    std::uint64_t begun_ = 0;
    std::uint64_t under_way_ = 0;
    std::uint64_t opened_ = 0;
    bool begins_no_more_ = false;
    std::uint64_t begun_ns_ = 0;
    std::uint64_t ended_ns_ = 0;
    std::uint64_t random_ = 1;
};

}  // namespace

int run_talk(const Arguments& arguments) {
    prctl(PR_SET_TIMERSLACK, 1UL);
    return Talk{plan_from(arguments)}.run();
}

}  // namespace caponier::bench
