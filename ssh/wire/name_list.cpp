// Name-lists of RFC 4251 5 and the rules for the names in them; see name_list.h.

#include "ssh/wire/name_list.h"

#include <algorithm>

namespace caponier::ssh {

bool is_valid_name(std::string_view name) noexcept {
    // RFC 4251 6: "all algorithm and method identifiers MUST be printable US-ASCII, non-empty
    // strings no longer than 64 characters", and "MUST NOT contain the comma character (","),
    // whitespace, control characters (ASCII codes 32 or less), or the ASCII code 127 (DEL)".
    return !name.empty() && name.size() <= name_bytes_max &&
           std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~' && c != ','; });
}

NameList::Iterator::Iterator(std::string_view names) noexcept
    : rest_{names}, last_{false}, at_end_{false} {
    if (names.empty()) {
        *this = Iterator{};
        return;
    }
    ++*this;
}

NameList::Iterator& NameList::Iterator::operator++() noexcept {
    if (last_) {
        *this = Iterator{};
        return *this;
    }
    const std::size_t comma = rest_.find(',');
    last_ = comma == std::string_view::npos;
    name_ = rest_.substr(0, comma);
    rest_ = last_ ? std::string_view{} : rest_.substr(comma + 1);
    return *this;
}

NameList::Iterator NameList::Iterator::operator++(int) noexcept {
    Iterator before = *this;
    ++*this;
    return before;
}

bool NameList::is_valid() const noexcept {
    return std::all_of(begin(), end(), is_valid_name);
}

bool NameList::contains(std::string_view name) const noexcept {
    return std::find(begin(), end(), name) != end();
}

std::optional<std::string_view> NameList::first_common(const NameList& server) const noexcept {
    for (const std::string_view name : *this) {
        if (server.contains(name)) {
            return name;
        }
    }
    return std::nullopt;
}

}  // namespace caponier::ssh
