// What travels through the tunnels of the benchmark, and what stands at their ends: one program, a
// verb for each role. tools/bench starts it; bench/README.md says what the roles are for. All but a
// target are told --connect A.
//
//   target [--greeting-bytes N --request-bytes N --answer-bytes N]
//                                     takes orders (order.h), or takes none and speaks first
//   delay --delay-us N                a long path in front of A
//   floor --up-read-bytes N --down-read-bytes N
//                                     seals or opens on the way to A, without SSH
//   bulk  --direction up|down --connections N [--bytes N | --milliseconds N]
//                                     with neither: until stdin ends
//   echo  --bytes N --count N --milliseconds N
//   idle                              stdin: how many tunnels to hold, a line each
//   watch --bytes N --count N --interval-us N
//   talk  --request-bytes N --answer-bytes N --milliseconds N; more: talk.cpp

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>

#include "bench/traffic/arguments.h"
#include "bench/traffic/sockets.h"

namespace caponier::bench {

Arguments::Arguments(std::span<char* const> words) {
    errno = EINVAL;
    if (words.size() % 2 != 0) {
        fail("arguments are --name value");
    }
    for (std::size_t i = 0; i < words.size(); i += 2) {
        const std::string_view name{words[i]};
        if (!name.starts_with("--")) {
            fail(name);
        }
        values_.emplace(name.substr(2), words[i + 1]);
    }
}

std::string Arguments::text(std::string_view name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) {
        errno = EINVAL;
        fail(name);
    }
    return found->second;
}

std::string Arguments::text_or(std::string_view name, std::string_view otherwise) const {
    return values_.contains(name) ? text(name) : std::string{otherwise};
}

std::uint64_t Arguments::number(std::string_view name) const {
    const std::string value = text(name);
    std::uint64_t number = 0;
    const char* const end = value.data() + value.size();
    if (std::from_chars(value.data(), end, number).ptr != end || value.empty()) {
        errno = EINVAL;
        fail(name);
    }
    return number;
}

std::uint64_t Arguments::number_or(std::string_view name, std::uint64_t otherwise) const {
    return values_.contains(name) ? number(name) : otherwise;
}

namespace {

int run(std::span<char* const> words) {
    struct Role {
        std::string_view verb;
        int (*run)(const Arguments&);
    };
    constexpr Role roles[] = {{"target", run_target},
                              {"delay", run_delay},
                              {"floor", run_floor},
                              {"bulk", run_bulk},
                              {"echo", run_echo},
                              {"idle", run_idle},
                              {"talk", run_talk},
                              {"watch", run_watch}};
    for (const Role& role : roles) {
        if (words.size() >= 2 && role.verb == words[1]) {
            return role.run(Arguments{words.subspan(2)});
        }
    }
    std::fputs("usage: traffic target|delay|floor|bulk|echo|idle|talk|watch [--name value]...\n",
               stderr);
    return 64;
}

}  // namespace

}  // namespace caponier::bench

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    return caponier::bench::run({argv, static_cast<std::size_t>(argc)});
}
