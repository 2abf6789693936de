#pragma once
// Who runs the program, and what ~, % tokens and ${NAME} in file names stand for (ssh_config(5),
// TOKENS and ENVIRONMENT VARIABLES). Strict: what is not known is an error, never a literal name.

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace caponier::client {

/// The local account, from the password database as ssh takes it, not from $HOME or $USER.
/// Containers run programs under numbers that the database does not know: there is no login name
/// then, and the home directory is $HOME.
struct Account {
    std::string user;
    std::string home;
    std::uint32_t uid = 0;
};
/// That of this process.
[[nodiscard]] Account local_account();
/// `home` is what counts where the database does not know `uid`, if it is an absolute path; empty
/// strings stand for what is not known.
[[nodiscard]] Account account_of(std::uint32_t uid, std::string_view home);
/// "uid 1000 has no account here".
[[nodiscard]] std::string has_no_account(const Account& account);

/// What the tokens stand for.
struct TokenValues {
    Account account;               ///< %d home, %u user, %i uid
    std::string host;              ///< %n: as the user named it
    std::string host_name;         ///< %h
    std::string remote_user;       ///< %r
    std::uint16_t port = 22;       ///< %p
    std::string host_key_alias{};  ///< %k, which is %n where this is empty
};

/// "none" in any case: ssh's word for no file.
[[nodiscard]] bool is_none(std::string_view name) noexcept;

/// "~/x", "~user/x".
[[nodiscard]] tl::expected<std::string, std::string> expand_tilde(std::string_view path,
                                                                  const Account& account);

/// Tilde, tokens and environment. The error is one line that names the path.
[[nodiscard]] tl::expected<std::string, std::string> expand_path(std::string_view path,
                                                                 const TokenValues& values);

}  // namespace caponier::client
