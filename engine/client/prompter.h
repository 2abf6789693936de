#pragma once
// How a person is asked: by SSH_ASKPASS or on the terminal, by ssh's rules (readpass.c). Blocks, so
// it belongs to the credential threads.

#include <atomic>
#include <cstdint>
#include <string>

#include <tl/expected.hpp>

#include "ssh/crypto/secret_bytes.h"

namespace caponier::client {

/// What the environment says about askpass: ssh(1), "ENVIRONMENT".
struct AskpassEnvironment {
    std::string program;       ///< SSH_ASKPASS
    std::string require;       ///< SSH_ASKPASS_REQUIRE: never, prefer, force
    bool has_display = false;  ///< DISPLAY or WAYLAND_DISPLAY

    [[nodiscard]] static AskpassEnvironment of_process();
};

enum class AskBy : std::uint8_t { nobody, terminal, askpass };

/// readpass.c, read_passphrase(): askpass where it is forced, or preferred with a display; else the
/// terminal; else askpass, if there is a display. Only askpass needs a program.
[[nodiscard]] AskBy way_to_ask(const AskpassEnvironment& environment, bool has_terminal) noexcept;

class Prompter {
  public:
    /// `interrupt` is a descriptor that is not owned; readable, it ends every question.
    Prompter(AskpassEnvironment environment, int interrupt) noexcept
        : environment_(std::move(environment)), interrupt_(interrupt) {}
    Prompter(const Prompter&) = delete;
    Prompter& operator=(const Prompter&) = delete;

    /// Somebody might answer.
    [[nodiscard]] bool can_ask() const noexcept;
    /// `prompt` is fit for a terminal. The error is one line: why there is no answer.
    [[nodiscard]] tl::expected<ssh::SecretBytes, std::string> ask(const std::string& prompt,
                                                                  bool echo);
    /// A question is open. From any thread.
    [[nodiscard]] bool is_asking() const noexcept { return questions_.load() > 0; }

  private:
    [[nodiscard]] tl::expected<ssh::SecretBytes, std::string> ask_by_rules(
        const std::string& prompt, bool echo) const;

    AskpassEnvironment environment_;
    int interrupt_;
    std::atomic<int> questions_{0};  ///< open ones; those on the terminal take turns
};

}  // namespace caponier::client
