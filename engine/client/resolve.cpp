// Resolving with a deadline. The caller and the thread share one Task on the heap, and either may
// be the last to need it: the caller when the answer came, the thread when the deadline passed
// first or the caller gave up. Each of them leaves by exchanging `one_has_left` for true; whoever
// finds true is the second one and destroys the task. So nobody touches it after having left, and
// no one leaves it behind.

#include "engine/client/resolve.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <semaphore>
#include <system_error>
#include <utility>

#include <netdb.h>
#include <pthread.h>

#include <fmt/format.h>

#include "engine/client/start_thread.h"
#include "engine/client/text_filter.h"

namespace caponier::client {

namespace {

using Cause = ResolveError::Cause;

struct Task {
    Task(Endpoint where, Lookup how) : endpoint(std::move(where)), lookup(how) {}

    const Endpoint endpoint;
    const Lookup lookup;
    std::optional<Resolved> answer;  ///< the thread's until it has released `over`
    /// Released by the thread when it has answered, and by whoever stops the wait for it.
    std::counting_semaphore<2> over{0};
    std::atomic<bool> one_has_left{false};
};

struct Leave {
    void operator()(Task* task) const noexcept {
        if (task->one_has_left.exchange(true, std::memory_order_acq_rel)) {
            std::default_delete<Task>{}(task);
        }
    }
};

/// One of the two shares of a task.
using Share = std::unique_ptr<Task, Leave>;

void* run(void* argument) noexcept {
    const Share task{static_cast<Task*>(argument)};
    task->answer = task->lookup(task->endpoint);
    task->over.release();
    return nullptr;
}

/// 0 or a positive errno.
int start_detached(Task& task) noexcept {
    pthread_attr_t attributes{};
    int error = ::pthread_attr_init(&attributes);
    if (error != 0) {
        return error;
    }
    pthread_t thread{};
    error = ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (error == 0) {
        error = ::pthread_create(&thread, &attributes, &run, &task);
    }
    ::pthread_attr_destroy(&attributes);
    return error;
}

ResolveError error_of(int code, int system_error, const std::string& host) {
    const std::string name = printable(host);
    switch (code) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return {Cause::no_such_name,
                fmt::format("Could not resolve hostname {}: {} (check the name, or set HostName)",
                            name,
                            ::gai_strerror(code))};
    case EAI_AGAIN:
        return {
            Cause::no_answer,
            fmt::format(
                "Could not resolve hostname {}: the resolver did not answer (check the network and "
                "/etc/resolv.conf)",
                name)};
    default:
        return {Cause::failed,
                fmt::format("Could not resolve hostname {}: {}",
                            name,
                            code == EAI_SYSTEM ? std::generic_category().message(system_error)
                                               : std::string{::gai_strerror(code)})};
    }
}

}  // namespace

Resolved lookup_addresses(const Endpoint& endpoint) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* first = nullptr;
    const std::string port = fmt::format("{}", endpoint.port);
    const int code = ::getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &first);
    if (code != 0) {
        return tl::unexpected{error_of(code, errno, endpoint.host)};
    }
    struct Free {
        void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
    };
    const std::unique_ptr<addrinfo, Free> list{first};
    std::vector<io::Address> addresses;
    for (const addrinfo* entry = first;
         entry != nullptr && addresses.size() < resolved_addresses_max;
         entry = entry->ai_next) {
        sockaddr_storage storage{};
        if (entry->ai_addrlen <= sizeof storage) {
            std::memcpy(&storage, entry->ai_addr, entry->ai_addrlen);
            addresses.push_back(io::Address::from_kernel(storage, entry->ai_addrlen));
        }
    }
    if (addresses.empty()) {
        return tl::unexpected{error_of(EAI_NONAME, 0, endpoint.host)};
    }
    return addresses;
}

Resolved resolve(const Endpoint& endpoint,
                 std::chrono::milliseconds patience,
                 const std::stop_token& stop,
                 Lookup lookup) {
    if (const std::optional<io::Address> address = io::Address::ip(endpoint.host, endpoint.port)) {
        return std::vector{*address};
    }
    auto fresh = std::make_unique<Task>(endpoint, lookup);
    if (const int error = start_detached(*fresh); error != 0) {
        return tl::unexpected{
            ResolveError{Cause::failed,
                         fmt::format("cannot resolve {}: {}",
                                     printable(endpoint.host),
                                     explain_thread_refusal({error, std::generic_category()}))}};
    }
    const Share task{fresh.release()};
    const std::stop_callback give_up{stop, [&task] { task->over.release(); }};
    bool over = true;
    if (patience.count() > 0) {
        over = task->over.try_acquire_for(patience);
    } else {
        task->over.acquire();
    }
    // Without a request to stop it was the thread that released.
    if (stop.stop_requested()) {
        return tl::unexpected{ResolveError{Cause::given_up, {}}};
    }
    return over ? *std::move(task->answer)
                : Resolved{tl::unexpected{error_of(EAI_AGAIN, 0, endpoint.host)}};
}

std::string canonical_address(const std::string& host) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) {
        return host;
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list{found, &::freeaddrinfo};
    std::array<char, NI_MAXHOST> text{};
    if (list->ai_next != nullptr || ::getnameinfo(list->ai_addr,
                                                  list->ai_addrlen,
                                                  text.data(),
                                                  text.size(),
                                                  nullptr,
                                                  0,
                                                  NI_NUMERICHOST) != 0) {
        return host;
    }
    return text.data();
}

}  // namespace caponier::client
