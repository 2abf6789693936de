#pragma once
// What a person sees: results on stdout, messages on stderr, one line each, and a status line that
// stays at the bottom where stdout is a terminal. May be used from any thread.

#include <mutex>
#include <string>
#include <string_view>

#include "engine/client/forwarder.h"
#include "engine/client/settings.h"

namespace caponier::cli {

class Console {
  public:
    /// Messages above this level are not shown.
    explicit Console(client::LogLevel level);
    ~Console();
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    /// A line on stdout.
    void say(std::string_view line);
    /// "caponier: line" on stderr. LogLevel::quiet is for what is shown whatever the user chose.
    void log(client::LogLevel level, std::string_view line);
    /// Replaces the status line; nothing where stdout is no terminal.
    void show_status(std::string_view line);

    /// What a Forwarder calls. The console must outlive it.
    [[nodiscard]] client::Reports reports();

  private:
    void clear_status();

    const client::LogLevel level_;
    const bool has_status_line_;
    std::mutex mutex_;
    std::string status_;
};

}  // namespace caponier::cli
