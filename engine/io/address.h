#pragma once
// A numeric socket address: IPv4, IPv6 or a unix path. Names are resolved elsewhere
// (engine/client): nothing here blocks.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/socket.h>

namespace caponier::io {

class Address {
  public:
    Address() noexcept = default;

    /// `host` is a numeric IPv4 or IPv6 address without brackets ("::1", "fe80::1%eth0"). Empty if
    /// it is not one.
    [[nodiscard]] static std::optional<Address> ip(std::string_view host, std::uint16_t port);
    /// Empty if the path is empty or does not fit sun_path with its terminator: it is refused,
    /// never cut.
    [[nodiscard]] static std::optional<Address> unix_path(std::string_view path);
    /// As the kernel fills it in; `length` at most sizeof(sockaddr_storage).
    [[nodiscard]] static Address from_kernel(const sockaddr_storage& storage,
                                             socklen_t length) noexcept;

    [[nodiscard]] int family() const noexcept { return storage_.ss_family; }
    /// 127.0.0.0/8 or ::1.
    [[nodiscard]] bool is_loopback() const noexcept;
    [[nodiscard]] bool is_unix() const noexcept { return storage_.ss_family == AF_UNIX; }
    /// 0 for a unix address.
    [[nodiscard]] std::uint16_t port() const noexcept;
    /// "127.0.0.1", "::1" or the path.
    [[nodiscard]] std::string host() const;
    /// "127.0.0.1:80", "[::1]:80" or the path.
    [[nodiscard]] std::string to_string() const;

    [[nodiscard]] const sockaddr* data() const noexcept;
    [[nodiscard]] socklen_t size() const noexcept { return length_; }

  private:
    sockaddr_storage storage_{};
    socklen_t length_ = 0;
};

}  // namespace caponier::io
