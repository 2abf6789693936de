// ssh takes its arguments apart with getopt(3), and so does this: letters in one bundle (-Nv),
// values attached or apart (-p22, -p 22), options before and after the host, everything after "--"
// plain. Where -p and -o Port (or -l, -o User and user@) name the same thing, the first one wins,
// as in ssh; apply_option() and set_option() see to that.

#include "tools/cli/arguments.h"

#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <getopt.h>

#include <fmt/format.h>

#include "engine/client/text_filter.h"
#include "engine/relay/limits.h"
#include "tools/cli/flags.h"
#include "tools/cli/host_argument.h"

namespace caponier::cli {
namespace {

template <typename T>
using Parsed = tl::expected<T, std::string>;

using client::printable;

/// One pass of getopt over the arguments.
class Scanner {
  public:
    explicit Scanner(std::span<char* const> arguments) : arguments_(arguments) {
        optind = 0;  // glibc: start afresh
        opterr = 0;  // the messages are ours
    }

    int next() {
        if (!options_ended_) {
            const int answer = getopt_long(static_cast<int>(arguments_.size()),
                                           arguments_.data(),
                                           letters_.c_str(),
                                           words_.data(),
                                           nullptr);
            if (answer != end_of_arguments) {
                return answer;
            }
            options_ended_ = true;
        }
        // getopt does not tell what follows "--", and asked again it would look for options in it.
        if (static_cast<std::size_t>(optind) >= arguments_.size()) {
            return end_of_arguments;
        }
        optarg = arguments_[static_cast<std::size_t>(optind++)];
        return plain_argument;
    }

    /// The value of the option or the plain argument just told.
    [[nodiscard]] static std::string_view value() { return optarg == nullptr ? "" : optarg; }

    /// The option just told, as it was written.
    [[nodiscard]] std::string name(int answer) const {
        const int letter = answer == '?' || answer == ':' ? optopt : answer;
        if (letter > 0 && letter < io_option) {
            return fmt::format("-{}", static_cast<char>(letter));
        }
        // A word: getopt has just stepped over it.
        return arguments_[static_cast<std::size_t>(optind - 1)];
    }

  private:
    std::span<char* const> arguments_;
    const std::string letters_ = getopt_letters();
    const std::vector<option> words_ = getopt_words();
    bool options_ended_ = false;
};

client::LogLevel more_verbose(client::LogLevel level) {
    return level < client::LogLevel::verbose ? client::LogLevel::verbose : client::LogLevel::debug;
}

/// Collects what the scanner tells, one answer after the other, into one command.
class Collector {
  public:
    Parsed<void> take(int answer, const std::string& name, std::string_view value) {
        switch (answer) {
        case plain_argument:
            return take_plain(value);
        case io_option:
            return take_backend(value);
        case ssh_option:
            return take_engine(value);
        case shards_option:
            return take_shards(value);
        case pin_option:
            settings_.pin = true;
            return {};
        case once_option:
            once_ = true;
            return {};
        case 'q':
            settings_.log_level = client::LogLevel::quiet;
            return {};
        case 'v':
            settings_.log_level = more_verbose(settings_.log_level);
            return {};
        default:
            forward_option_ = name;
            return take_forward_option(answer, value);
        }
    }

    Parsed<Command> finish() && {
        if (is_demo_) {
            return finish_demo();
        }
        if (once_) {
            return tl::unexpected<std::string>{"--once is for caponier demo"};
        }
        if (settings_.host.empty()) {
            return tl::unexpected<std::string>{
                "no host given; usage: caponier -L [bind:]port:host:hostport [user@]host"};
        }
        if (settings_.local_forwards.empty()) {
            return tl::unexpected<std::string>{
                "nothing to forward; give at least one -L [bind:]port:host:hostport"};
        }
        return ForwardCommand{std::move(settings_)};
    }

  private:
    Parsed<Command> finish_demo() const {
        if (!forward_option_.empty()) {
            return tl::unexpected{fmt::format("caponier demo takes no {}", forward_option_)};
        }
        return DemoCommand{
            .once = once_, .backend = settings_.backend, .log_level = settings_.log_level};
    }

    /// The verb or the host; a second one would be a command for the host.
    Parsed<void> take_plain(std::string_view text) {
        if (is_demo_) {
            return tl::unexpected{fmt::format("caponier demo takes no {}", printable(text))};
        }
        if (!settings_.host.empty()) {
            return tl::unexpected{fmt::format(
                "{}: remote commands are not run, Caponier only forwards", printable(text))};
        }
        // A host of that name can be reached by an -L in front of it.
        if (text == "demo" && settings_.local_forwards.empty()) {
            is_demo_ = true;
            return {};
        }
        return take_host(text);
    }

    Parsed<void> take_host(std::string_view text) {
        auto argument = parse_host_argument(text);
        if (!argument) {
            return tl::unexpected{
                fmt::format("'{}' is no host; wants [user@]host", printable(text))};
        }
        settings_.host = std::move(argument->host);
        if (argument->user) {
            if (auto taken = take_setting("User", *argument->user); !taken) {
                return taken;
            }
        }
        if (argument->port) {
            return take_setting("Port", *argument->port);
        }
        return {};
    }

    Parsed<void> take_backend(std::string_view name) {
        const auto backend = io::backend_of(name);
        if (!backend) {
            return tl::unexpected{
                fmt::format("--io={}: wants auto, uring or epoll", printable(name))};
        }
        settings_.backend = *backend;
        return {};
    }

    Parsed<void> take_engine(std::string_view name) {
        if (name != "native" && name != "libssh2") {
            return tl::unexpected{
                fmt::format("--ssh={}: wants native or libssh2", printable(name))};
        }
        settings_.engine =
            name == "native" ? client::SshEngine::native : client::SshEngine::libssh2;
        return {};
    }

    Parsed<void> take_shards(std::string_view text) {
        std::uint32_t count = 0;
        const char* const end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, count);
        if (error != std::errc{} || stop != end || count < 1 || count > relay::shards_max) {
            return tl::unexpected{fmt::format(
                "--shards={}: wants a number from 1 to {}", printable(text), relay::shards_max)};
        }
        settings_.shards = count;
        return {};
    }

    Parsed<void> take_forward_option(int letter, std::string_view value) {
        switch (letter) {
        case 'L':
            return take_forward(value);
        case 'i':
            settings_.identity_files.emplace_back(value);
            settings_.identity_flags.emplace_back(value);
            return {};
        case 'p':
            return take_setting("Port", value);
        case 'l':
            return take_setting("User", value);
        case 'g':
            return take_setting("GatewayPorts", "yes");
        case 'c':
            return take_algorithms("ciphers", value);
        case 'm':
            return take_algorithms("macs", value);
        case 'o':
            return client::apply_option(settings_, options_seen_, value);
        case 'F':
            if (value != "none") {
                return tl::unexpected{
                    fmt::format("-F {}: configuration files are not read; only none is accepted",
                                printable(value))};
            }
            return {};
        default:
            // -N, -T and -n: no command, no terminal, no stdin is how it works anyway.
            return {};
        }
    }

    Parsed<void> take_forward(std::string_view text) {
        auto forward = client::parse_local_forward(text);
        if (!forward) {
            return tl::unexpected{std::move(forward.error())};
        }
        settings_.local_forwards.push_back(std::move(*forward));
        return {};
    }

    /// Through the table of -o, which checks the value and knows whether an earlier one stands.
    Parsed<void> take_setting(std::string_view key, std::string_view value) {
        return client::set_option(settings_, options_seen_, key, value);
    }

    /// Unlike -p and -l, ssh has -c and -m win over what came before. `key` is in lower case.
    Parsed<void> take_algorithms(std::string_view key, std::string_view value) {
        std::erase(options_seen_, key);
        return take_setting(key, value);
    }

    client::Settings settings_;
    std::vector<std::string> options_seen_;
    std::string forward_option_;  ///< the last one that the demo has no use for
    bool is_demo_ = false;
    bool once_ = false;
};

}  // namespace

Parsed<Command> parse_arguments(std::span<char* const> arguments) {
    Scanner scanner{arguments};
    Collector collector;
    for (int answer = scanner.next(); answer != end_of_arguments; answer = scanner.next()) {
        switch (answer) {
        case '?':
            return tl::unexpected{fmt::format("unknown option {} (caponier --help lists them)",
                                              printable(scanner.name(answer)))};
        case ':':
            return tl::unexpected{fmt::format("option {} wants a value", scanner.name(answer))};
        case 'V':
        case version_option:
            return VersionCommand{};
        case 'h':
        case help_option:
            return HelpCommand{};
        default:
            break;
        }
        if (auto taken = collector.take(answer, scanner.name(answer), Scanner::value()); !taken) {
            return tl::unexpected{std::move(taken.error())};
        }
    }
    return std::move(collector).finish();
}

}  // namespace caponier::cli
