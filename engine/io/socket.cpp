// The end of a Socket that no operation uses: a plain close, which is an orderly end for the peer
// unless unread bytes are left or the socket was accepted. What is in flight is the business of
// Loop::close() and reset().

#include "engine/io/socket.h"

#include <unistd.h>

namespace caponier::io {

Socket& Socket::operator=(Socket&& other) noexcept {
    if (this != &other) {
        const Socket closes_what_we_had{std::exchange(fd_, other.release())};
    }
    return *this;
}

Socket::~Socket() {
    if (fd_ >= 0) {
        // The descriptor is gone whatever close() says (Linux, also with EINTR).
        ::close(fd_);
    }
}

}  // namespace caponier::io
