// OpenSSH's kex_assemble_names(), over what is spoken here.

#include "engine/client/algorithm_options.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "engine/client/text_filter.h"
#include "ssh/keys/host_key_order.h"
#include "ssh/keys/host_patterns.h"
#include "ssh/libssh2_session.h"
#include "ssh/spoken_algorithms.h"
#include "ssh/wire/name_list.h"

namespace caponier::client {

namespace {

using Names = std::vector<std::string>;

constexpr std::string_view prefixes = "+-^";

char prefix_of(std::string_view text) noexcept {
    return !text.empty() && prefixes.find(text.front()) != std::string_view::npos ? text.front()
                                                                                  : '\0';
}

void append_once(Names& list, const std::string& name) {
    if (std::ranges::find(list, name) == list.end()) {
        list.push_back(name);
    }
}

std::string joined(std::span<const std::string> names) {
    return fmt::format("{}", fmt::join(names, ", "));
}

/// The spoken names that the patterns stand for, in the order of the patterns. A pattern that
/// stands for none is the error: a wish for a retired algorithm must not be lost quietly.
tl::expected<Names, std::string> matching(std::string_view patterns,
                                          std::span<const std::string> spoken) {
    Names found;
    for (const std::string_view pattern : ssh::NameList{patterns}) {
        bool any = false;
        for (const std::string& name : spoken) {
            if (ssh::matches_host_patterns(pattern, name)) {
                append_once(found, name);
                any = true;
            }
        }
        if (!any) {
            return tl::unexpected{
                fmt::format("'{}' is not spoken; what is: {}", printable(pattern), joined(spoken))};
        }
    }
    return found;
}

struct Choice {
    std::string_view option;
    std::string AlgorithmOptions::*text;
    Names ssh::AlgorithmLists::*list;
};

constexpr std::array choices{
    Choice{"Ciphers", &AlgorithmOptions::ciphers, &ssh::AlgorithmLists::cipher},
    Choice{"MACs", &AlgorithmOptions::macs, &ssh::AlgorithmLists::mac},
    Choice{"KexAlgorithms", &AlgorithmOptions::kex, &ssh::AlgorithmLists::kex},
    Choice{"HostKeyAlgorithms", &AlgorithmOptions::host_key, &ssh::AlgorithmLists::host_key},
    Choice{"PubkeyAcceptedAlgorithms",
           &AlgorithmOptions::public_key,
           &ssh::AlgorithmLists::public_key},
    Choice{"CASignatureAlgorithms",
           &AlgorithmOptions::ca_signature,
           &ssh::AlgorithmLists::ca_signature},
};

}  // namespace

bool is_algorithm_list(std::string_view text) noexcept {
    text.remove_prefix(prefix_of(text) == '\0' ? 0 : 1);
    return !text.empty() && ssh::NameList{text}.is_valid();
}

tl::expected<Names, std::string> chosen_algorithms(std::string_view text,
                                                   std::span<const std::string> spoken) {
    const char prefix = prefix_of(text);
    text.remove_prefix(prefix == '\0' ? 0 : 1);
    if (prefix == '-') {
        Names left;
        std::ranges::copy_if(spoken, std::back_inserter(left), [text](const std::string& name) {
            return !ssh::matches_host_patterns(text, name);
        });
        if (left.empty()) {
            return tl::unexpected{
                fmt::format("'-{}' leaves nothing of {}", printable(text), joined(spoken))};
        }
        return left;
    }
    tl::expected<Names, std::string> named = matching(text, spoken);
    if (!named || prefix == '\0') {
        return named;
    }
    Names all = prefix == '^' ? *named : Names{spoken.begin(), spoken.end()};
    for (const std::string& name : prefix == '^' ? Names{spoken.begin(), spoken.end()} : *named) {
        append_once(all, name);
    }
    return all;
}

tl::expected<void, std::string> choose_algorithms(Settings& settings) {
    const bool is_native = settings.engine == SshEngine::native;
    const ssh::AlgorithmLists spoken =
        is_native ? ssh::spoken_algorithms() : ssh::libssh2_algorithms();
    for (const Choice& choice : choices) {
        const std::string& text = settings.algorithm_options.*choice.text;
        if (text.empty()) {
            continue;
        }
        const Names& names = spoken.*choice.list;
        if (names.empty()) {
            return tl::unexpected{fmt::format(
                "option {} is not for --ssh=libssh2, which has no choice there", choice.option)};
        }
        tl::expected<Names, std::string> chosen = chosen_algorithms(text, names);
        if (!chosen) {
            return tl::unexpected{fmt::format("option {}: {}", choice.option, chosen.error())};
        }
        settings.algorithms.*choice.list = std::move(*chosen);
    }
    return {};
}

ssh::AlgorithmLists algorithms_for(const Settings& settings,
                                   std::span<const std::string> recorded_key_types) {
    ssh::AlgorithmLists lists{settings.algorithms};
    const char prefix = prefix_of(settings.algorithm_options.host_key);
    if (prefix == '+' || prefix == '-') {
        lists.host_key = ssh::recorded_first(std::move(lists.host_key), recorded_key_types);
    }
    return lists;
}

}  // namespace caponier::client
