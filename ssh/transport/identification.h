#pragma once
// The identification strings that open a connection (RFC 4253 4.2): ours to write, the peer's to
// find behind whatever lines a server may send before it.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ssh/config.h"
#include "ssh/error.h"

namespace caponier::ssh {

/// "SSH-2.0-software" and CR LF. `software` is printable US-ASCII without spaces and '-'.
[[nodiscard]] std::string identification_line(std::string_view software);

class IdentificationReader {
  public:
    explicit IdentificationReader(Role role) noexcept : role_{role} {}

    /// Takes bytes up to the end of the identification and returns how many it took. Fails with
    /// not_ssh or unsupported_version.
    [[nodiscard]] Result<std::size_t> take(std::span<const std::byte> bytes);
    [[nodiscard]] bool is_done() const noexcept { return done_; }
    /// The peer's identification without CR LF; as it is, comments and trailing spaces included.
    [[nodiscard]] const std::string& line() const noexcept { return line_; }
    /// The last line before it that says anything: a server that turns a client away may say why.
    [[nodiscard]] const std::string& line_before() const noexcept { return line_before_; }

  private:
    [[nodiscard]] Result<void> end_line();

    Role role_;
    std::string line_;
    std::string line_before_;
    std::size_t lines_before_ = 0;
    bool done_ = false;
};

}  // namespace caponier::ssh
