// The table, and the two ways to read it.

#include "tools/cli/flags.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "engine/client/settings.h"

namespace caponier::cli {
namespace {

struct Flag {
    int answer = 0;
    const char* name = "";   ///< "p" or "io"
    const char* value = "";  ///< what follows it; empty for none
    /// Lines of --help; where it is empty, the next row's is about both.
    std::string_view help{};
};

constexpr std::string_view takes_settings = "a setting by its name in ssh_config(5), or of ours:";

constexpr std::array flags{
    Flag{'L',
         "L",
         "[bind:]port:host:hostport",
         "what to forward, repeatable; port 0 picks a free one"},
    Flag{'p', "p", "port", "of the SSH server (22)"},
    Flag{'l', "l", "user", "to log in as"},
    Flag{'i', "i", "file", "private key to log in with, repeatable"},
    Flag{'g', "g", "", "listen on all addresses, not on loopback only"},
    Flag{'o', "o", "Key=Value", takes_settings},
    Flag{'c', "c", "ciphers"},
    Flag{'m', "m", "macs", "the same as -o Ciphers=... and -o MACs=..."},
    Flag{'F', "F", "none", "no configuration file, which is how it works anyway"},
    Flag{'v', "v", ""},
    Flag{'q', "q", "", "say more (twice: everything), say nothing"},
    Flag{'N', "N", ""},
    Flag{'T', "T", ""},
    Flag{'n', "n", "", "accepted for ssh's sake: nothing else is done anyway"},
    Flag{io_option, "io", "auto|uring|epoll", "how to talk to the kernel"},
    Flag{shards_option,
         "shards",
         "number",
         "threads that carry bytes, at most (one a processor); further\n"
         "ones start when the first is busy"},
    Flag{pin_option, "pin", "", "keeps each of them on one processor"},
    Flag{ssh_option,
         "ssh",
         "native|libssh2",
         "what speaks SSH; libssh2 is for servers with retired\n"
         "algorithms"},
    Flag{'V', "V", ""},
    Flag{version_option, "version", "", "versions"},
    Flag{'h', "h", ""},
    Flag{help_option, "help", "", "this"},
    Flag{once_option, "once", "", "of demo: ends after the first transfer"},
};

constexpr std::size_t help_column = 33;
constexpr std::size_t columns_max = 99;

bool is_word(const Flag& flag) {
    return flag.answer >= io_option;
}

bool takes_value(const Flag& flag) {
    return *flag.value != '\0';
}

std::string heading_of(const Flag& flag) {
    const std::string_view dashes = is_word(flag) ? "--" : "-";
    const std::string_view parting = !takes_value(flag) ? "" : is_word(flag) ? "=" : " ";
    return fmt::format("{}{}{}{}", dashes, flag.name, parting, flag.value);
}

/// The names that -o takes, as many in a line as there is room for.
std::string settings_lines() {
    const std::string margin(help_column + 2, ' ');
    std::string lines;
    std::string line;
    for (const std::string_view name : client::option_names()) {
        if (margin.size() + line.size() + 1 + name.size() > columns_max) {
            lines += fmt::format("{}{}\n", margin, line);
            line.clear();
        }
        line += line.empty() ? "" : " ";
        line += name;
    }
    return fmt::format("{}{}{}\n", lines, margin, line);
}

std::string flag_lines() {
    std::string lines;
    std::string heading;
    for (const Flag& flag : flags) {
        heading += heading.empty() ? "  " : ", ";
        heading += heading_of(flag);
        if (flag.help.empty()) {
            continue;
        }
        for (std::string_view help = flag.help; !help.empty();) {
            const std::string_view line = help.substr(0, help.find('\n'));
            lines += fmt::format("{:<{}}{}\n", heading, help_column, line);
            heading.clear();
            help.remove_prefix(std::min(line.size() + 1, help.size()));
        }
        if (flag.help == takes_settings) {
            lines += settings_lines();
        }
    }
    return lines;
}

}  // namespace

std::string getopt_letters() {
    std::string letters = "-:";
    for (const Flag& flag : flags) {
        if (!is_word(flag)) {
            letters += flag.name;
            letters += takes_value(flag) ? ":" : "";
        }
    }
    return letters;
}

std::vector<option> getopt_words() {
    std::vector<option> words;
    for (const Flag& flag : flags) {
        if (is_word(flag)) {
            words.push_back({flag.name,
                             takes_value(flag) ? required_argument : no_argument,
                             nullptr,
                             flag.answer});
        }
    }
    words.push_back({});
    return words;
}

std::string help_text() {
    return fmt::format(
        R"(usage: caponier -L [bind:]port:host:hostport [options] [user@]host
       caponier demo [--once]

Listens here and delivers each connection to host:hostport through an SSH server, as ssh -N -L does;
demo shows that with a server of its own, until Ctrl-C. A line on stdout says when a forward is
ready. Ctrl-C lets open connections finish as long as bytes move, for DrainTimeout (10 s) at most; a
second one ends at once.

{}
Exit code: 0 after Ctrl-C, 64 for a wrong command line, 73 where a port cannot be listened on and
ExitOnForwardFailure is set or no forward is left, 255 where SSH or the connection fails.
)",
        flag_lines());
}

}  // namespace caponier::cli
