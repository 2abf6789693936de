#pragma once
// A view of a name-list (RFC 4251 5): comma-separated names, walked in place. WireReader makes it
// from a message, WireWriter writes one; which names are wanted is the negotiation's business.

#include <cstddef>
#include <iterator>
#include <optional>
#include <string_view>

namespace caponier::ssh {

/// RFC 4251 6: "non-empty strings no longer than 64 characters".
inline constexpr std::size_t name_bytes_max = 64;

/// RFC 4251 6: 1 to 64 printable US-ASCII characters without whitespace and comma.
[[nodiscard]] bool is_valid_name(std::string_view name) noexcept;

/// The text it was made from must outlive it, and so must the text behind every name it yields.
class NameList {
  public:
    /// Walks the names from left to right.
    class Iterator {
      public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;
        using pointer = const std::string_view*;
        using reference = const std::string_view&;

        Iterator() = default;
        explicit Iterator(std::string_view names) noexcept;

        [[nodiscard]] const std::string_view& operator*() const noexcept { return name_; }
        [[nodiscard]] const std::string_view* operator->() const noexcept { return &name_; }
        Iterator& operator++() noexcept;
        Iterator operator++(int) noexcept;
        friend bool operator==(const Iterator& a, const Iterator& b) noexcept {
            return a.at_end_ == b.at_end_ && a.rest_.size() == b.rest_.size();
        }

      private:
        std::string_view name_;
        std::string_view rest_;  ///< what follows the name and its comma
        bool last_ = true;       ///< no comma follows the name
        bool at_end_ = true;
    };

    NameList() = default;
    explicit NameList(std::string_view names) noexcept : names_{names} {}

    [[nodiscard]] Iterator begin() const noexcept { return Iterator{names_}; }
    [[nodiscard]] Iterator end() const noexcept { return {}; }

    /// Every name is valid. The empty list is.
    [[nodiscard]] bool is_valid() const noexcept;
    [[nodiscard]] bool empty() const noexcept { return names_.empty(); }
    [[nodiscard]] bool contains(std::string_view name) const noexcept;
    /// RFC 4253 7.1: the first name of this (the client's) list that is also on the server's.
    [[nodiscard]] std::optional<std::string_view> first_common(
        const NameList& server) const noexcept;
    /// The names with their commas, as on the wire.
    [[nodiscard]] std::string_view text() const noexcept { return names_; }

  private:
    std::string_view names_;
};

}  // namespace caponier::ssh
