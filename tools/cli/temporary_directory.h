#pragma once
// A directory for this run only, for keys that nobody else may read.

#include <filesystem>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace caponier::cli {

/// Made with mode 0700, removed with everything in it when it goes out of scope.
class TemporaryDirectory {
  public:
    [[nodiscard]] static tl::expected<TemporaryDirectory, std::string> make();
    TemporaryDirectory(TemporaryDirectory&& other) noexcept;
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
    ~TemporaryDirectory();

    /// The path of a file in it.
    [[nodiscard]] std::string file(std::string_view name) const { return path_ / name; }

  private:
    explicit TemporaryDirectory(std::filesystem::path path) : path_(std::move(path)) {}

    std::filesystem::path path_;
};

/// The whole file; empty where it cannot be read.
[[nodiscard]] std::string read_file(const std::string& path);
/// False where it cannot be written.
[[nodiscard]] bool write_file(const std::string& path, std::string_view text);

}  // namespace caponier::cli
