// See temporary_folder.h.

#include "tests/unit/client/temporary_folder.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <gtest/gtest.h>

#include "ssh/keys/public_key.h"

namespace caponier::client {

TemporaryFolder::TemporaryFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "caponier-unit-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::path(std::string_view name) const {
    return path_ + "/" + std::string{name};
}

std::string TemporaryFolder::write(std::string_view name,
                                   std::string_view text,
                                   mode_t mode) const {
    const std::string where = path(name);
    std::ofstream{where} << text;
    EXPECT_EQ(::chmod(where.c_str(), mode), 0);
    return where;
}

std::string text_of_file(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    return text.str();
}

mode_t permissions_of(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

bool run_program(const std::vector<std::string>& words,
                 const std::vector<std::string>& environment) {
    std::vector<std::string> owned = words;
    std::vector<std::string> variables = environment;
    variables.push_back("PATH=" + std::string{::getenv("PATH")});
    std::vector<char*> arguments;
    for (std::string& word : owned) {
        arguments.push_back(word.data());
    }
    std::vector<char*> values;
    for (std::string& variable : variables) {
        values.push_back(variable.data());
    }
    arguments.push_back(nullptr);
    values.push_back(nullptr);
    posix_spawn_file_actions_t actions{};
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    pid_t pid = -1;
    const int spawned =
        ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), values.data());
    ::posix_spawn_file_actions_destroy(&actions);
    int status = -1;
    return spawned == 0 && ::waitpid(pid, &status, 0) == pid && status == 0;
}

std::vector<std::byte> make_key_pair(const std::string& path,
                                     const std::string& type,
                                     const std::string& passphrase) {
    EXPECT_TRUE(run_program(
        {"ssh-keygen", "-q", "-t", type, "-N", passphrase, "-C", "a comment", "-f", path}));
    const ssh::Result<ssh::PublicKeyText> key =
        ssh::parse_public_key_file(text_of_file(path + ".pub"));
    EXPECT_TRUE(key);
    return key ? key->blob : std::vector<std::byte>{};
}

Log LogLines::log() {
    return [this](LogLevel, std::string_view line) {
        const std::lock_guard lock{mutex_};
        lines_.append(line).append("\n");
    };
}

std::string LogLines::all() {
    const std::lock_guard lock{mutex_};
    return lines_;
}

}  // namespace caponier::client
