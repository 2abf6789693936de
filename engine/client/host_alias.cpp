// Looks for Host lines, and for nothing else.

#include "engine/client/host_alias.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/client/file_contents.h"
#include "engine/client/option_words.h"
#include "engine/client/text_filter.h"
#include "ssh/letter_case.h"
#include "ssh/wire/bytes.h"

namespace caponier::client {

namespace {

/// Nobody writes a larger one, and a hint is not worth more.
constexpr std::size_t config_bytes_max = 1024 * 1024;

}  // namespace

bool has_host_line(std::string_view config, std::string_view host) {
    while (!config.empty()) {
        const std::size_t end = std::min(config.find('\n'), config.size());
        const tl::expected<OptionWords, std::string> words = split_option(config.substr(0, end));
        config.remove_prefix(std::min(end + 1, config.size()));
        if (words && ssh::equal_ignoring_case(words->key, "Host") &&
            std::find(words->arguments.begin(), words->arguments.end(), host) !=
                words->arguments.end()) {
            return true;
        }
    }
    return false;
}

std::string alias_hint(std::string_view host, const Account& account) {
    const tl::expected<FileContents, FileError> file =
        read_file(account.home + "/.ssh/config", config_bytes_max);
    if (!file || !has_host_line(ssh::text_of(file->bytes.bytes()), host)) {
        return {};
    }
    return fmt::format(
        "~/.ssh/config has a Host line for it, and Caponier does not read that file yet: 'ssh -G "
        "{}' shows what it stands for (user, hostname, port, identityfile).",
        printable(host));
}

}  // namespace caponier::client
