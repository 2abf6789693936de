#pragma once
// What the tests of engine/client share: a folder that goes away with the test, files in it, log
// lines kept in memory, and programs that are run to their end (ssh-keygen, ssh-add).

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "engine/client/log.h"

namespace caponier::client {

class TemporaryFolder {
  public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    [[nodiscard]] std::string path(std::string_view name) const;
    /// Returns the path.
    std::string write(std::string_view name, std::string_view text, mode_t mode = 0600) const;

  private:
    std::string path_;
};

[[nodiscard]] std::string text_of_file(const std::string& path);
[[nodiscard]] mode_t permissions_of(const std::string& path);

/// Runs a program from PATH to its end, without standard input and output. True if it exits with 0.
[[nodiscard]] bool run_program(const std::vector<std::string>& words,
                               const std::vector<std::string>& environment = {});

/// Makes a key pair with ssh-keygen and returns the public blob; `path`.pub is beside it.
std::vector<std::byte> make_key_pair(const std::string& path,
                                     const std::string& type = "ed25519",
                                     const std::string& passphrase = "");

/// Collects log lines of any thread.
class LogLines {
  public:
    [[nodiscard]] Log log();
    [[nodiscard]] std::string all();
    [[nodiscard]] bool contain(std::string_view text) {
        return all().find(text) != std::string::npos;
    }

  private:
    std::mutex mutex_;
    std::string lines_;
};

}  // namespace caponier::client
