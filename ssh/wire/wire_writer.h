#pragma once
// Writes the data types of RFC 4251 5, either into a span that the caller owns (the hot path:
// nothing is allocated, an overflow is remembered and asked for once) or to the end of a vector
// that grows (the slow path; not for secrets, because a growing vector leaves copies behind).

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ssh/wire/message_numbers.h"

namespace caponier::ssh {

class WireWriter {
  public:
    /// A string whose length is not known yet: begin_string() yields it, end_string() takes it.
    enum class OpenString : std::size_t {};

    explicit WireWriter(std::span<std::byte> room) noexcept : room_{room} {}
    /// Appends to `out`, which must outlive the writer.
    explicit WireWriter(std::vector<std::byte>& out) noexcept
        : growing_{&out}, begin_{out.size()} {}

    void byte(std::uint8_t value) noexcept;
    void message(MessageNumber number) noexcept { byte(static_cast<std::uint8_t>(number)); }
    void boolean(bool value) noexcept { byte(value ? 1 : 0); }
    void uint32(std::uint32_t value) noexcept;
    void uint64(std::uint64_t value) noexcept;
    void string(std::span<const std::byte> bytes) noexcept;
    void text(std::string_view text) noexcept;
    /// The non-negative number with this big-endian magnitude; leading zeros are left out.
    void mpint(std::span<const std::byte> magnitude) noexcept;
    void name_list(std::span<const std::string> names) noexcept;
    void name_list(std::initializer_list<std::string_view> names) noexcept;
    /// Bytes without a length in front of them.
    void fixed(std::span<const std::byte> bytes) noexcept;

    /// What is written between the two becomes a string; strings may nest.
    [[nodiscard]] OpenString begin_string() noexcept;
    void end_string(OpenString open) noexcept;

    /// Room for `count` bytes that the caller fills; valid until the next call. Empty on overflow.
    [[nodiscard]] std::span<std::byte> claim(std::size_t count) noexcept;

    /// Everything fitted.
    [[nodiscard]] bool complete() const noexcept { return !overflowed_; }
    [[nodiscard]] std::size_t size() const noexcept { return used_; }
    /// What was written; valid until the next call.
    [[nodiscard]] std::span<const std::byte> written() const noexcept;

  private:
    std::span<std::byte> room_;
    std::vector<std::byte>* growing_ = nullptr;
    std::size_t begin_ = 0;  ///< where in `growing_` our first byte is
    std::size_t used_ = 0;
    bool overflowed_ = false;
};

}  // namespace caponier::ssh
