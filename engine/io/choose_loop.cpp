// The choice between the backends. Nothing is decided at compile time: a kernel, a sandbox or an
// administrator may refuse io_uring on the very machine that the program was built on.

#include "engine/io/choose_loop.h"

#include <utility>

#include "engine/io/epoll_loop.h"
#include "engine/io/refusal.h"
#include "engine/io/uring_loop.h"

namespace caponier::io {

namespace {

tl::expected<ChosenLoop, std::string> make_epoll(std::string reason) {
    IoResult<std::unique_ptr<EpollLoop>> made = EpollLoop::make();
    if (!made) {
        return tl::unexpected{explain_refusal("epoll", made.error())};
    }
    return ChosenLoop{.loop = std::move(*made), .reason = std::move(reason)};
}

}  // namespace

std::optional<Backend> backend_of(std::string_view name) noexcept {
    if (name == "auto") {
        return Backend::automatic;
    }
    if (name == "uring") {
        return Backend::io_uring;
    }
    if (name == "epoll") {
        return Backend::epoll;
    }
    return std::nullopt;
}

tl::expected<ChosenLoop, std::string> choose_loop(Backend backend) {
    if (backend == Backend::epoll) {
        return make_epoll("epoll, as asked for");
    }
    tl::expected<std::unique_ptr<UringLoop>, std::string> uring = UringLoop::make();
    if (uring) {
        std::string reason = (*uring)->describe();
        return ChosenLoop{.loop = std::move(*uring), .reason = std::move(reason)};
    }
    if (backend == Backend::io_uring) {
        return tl::unexpected{"io_uring was asked for, but " + uring.error()};
    }
    return make_epoll("epoll: " + uring.error());
}

}  // namespace caponier::io
