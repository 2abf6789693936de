#pragma once
// The system calls on sockets that answer at once and that both backends make alike: plain
// functions on descriptors. What waits (accept, connect, receive, send) is each backend's own.

#include <cstddef>
#include <cstdint>

#include "engine/io/address.h"
#include "engine/io/loop.h"
#include "engine/io/socket.h"

namespace caponier::io::socket_calls {

/// A non-blocking, close-on-exec stream socket of the address family, TCP_NODELAY set.
[[nodiscard]] IoResult<Socket> make_stream(int family) noexcept;
/// Bound and listening, non-blocking. On Linux what is accepted from it inherits TCP_NODELAY and
/// set_reset_on_close(), which is on.
[[nodiscard]] IoResult<Socket> listen(const Address& address,
                                      const ListenOptions& options) noexcept;

/// Empty (family AF_UNSPEC) if the socket has none.
[[nodiscard]] Address local_address(int fd) noexcept;
[[nodiscard]] Address peer_address(int fd) noexcept;

/// SIOCOUTQ: bytes that the peer's kernel has not acknowledged; 0 if it cannot be told.
[[nodiscard]] std::size_t undelivered_bytes(int fd) noexcept;
/// SO_ERROR: the socket's pending error, which the question takes away.
[[nodiscard]] int take_error(int fd) noexcept;

/// SHUT_WR; 0 or a positive errno.
[[nodiscard]] int end_sending(int fd) noexcept;

/// TCP_NODELAY; nothing on another kind of socket.
void set_no_delay(int fd) noexcept;
/// TCP_NOTSENT_LOWAT; nothing on another kind of socket.
void set_unsent_low_water(int fd, std::uint32_t bytes) noexcept;
void acknowledge_now(int fd) noexcept;
/// SO_LINGER with 0 seconds: a close, whoever makes it, resets a TCP connection and drops what was
/// not sent. Without it a close is an orderly end; nothing on another kind of socket.
void set_reset_on_close(int fd, bool yes) noexcept;

/// True for what accept() reports of one connection that went away before it was accepted, or of
/// the network (accept(2) lists them): the listener itself is well.
[[nodiscard]] bool concerns_one_connection(int accept_error) noexcept;

}  // namespace caponier::io::socket_calls
