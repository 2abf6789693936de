// The callbacks between libssh2 and memory. The send callback accepts everything, always: a refused
// or partial send would make libssh2 insist on repeating the very same call before anything else
// could be sent on the session. What bounds the outbox is the window of each channel and
// outbox_bytes_max, looked at before data is handed to libssh2 at all.

#include "ssh/libssh2_transport.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sys/eventfd.h>
#include <unistd.h>

#include "ssh/expects.h"
#include "ssh/keys/host_key_order.h"
#include "ssh/libssh2_session.h"

namespace caponier::ssh {

namespace {

/// A description in SSH_MSG_DISCONNECT is cut here; it is for a log line.
constexpr std::size_t disconnect_text_bytes_max = 1024;

/// Every turn of libssh2_session_free() gets one step further once the stream has ended.
constexpr int free_attempts_max = 100'000;

Libssh2Transport& transport_of(void** abstract) noexcept {
    return *static_cast<Libssh2Transport*>(*abstract);
}

template <typename Function>
void set_callback(LIBSSH2_SESSION* session, int kind, Function* function) noexcept {
    libssh2_session_callback_set(session, kind, reinterpret_cast<void*>(function));
}

std::string joined(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) {
        list += list.empty() ? "" : ",";
        list += name;
    }
    return list;
}

/// The configured lists; host keys on record first, in an order of preference that is otherwise the
/// one of the native session. ssh-dss is not asked for.
AlgorithmLists lists_of(const SessionConfig& config) {
    AlgorithmLists lists{config.algorithms};
    if (lists.host_key.empty()) {
        lists.host_key = recorded_first({"ssh-ed25519",
                                         "ecdsa-sha2-nistp256",
                                         "ecdsa-sha2-nistp384",
                                         "ecdsa-sha2-nistp521",
                                         "ssh-rsa"},
                                        config.recorded_host_key_types);
    }
    return lists;
}

Result<void> initialise() noexcept {
    static const int initialised = libssh2_init(0);
    if (initialised != 0) {
        return tl::unexpected{
            Error{ErrorCode::engine_failure, static_cast<std::uint32_t>(-initialised)}};
    }
    return {};
}

std::vector<std::string> names_of(LIBSSH2_SESSION* session, int method) {
    const char** found = nullptr;
    const int count = libssh2_session_supported_algs(session, method, &found);
    std::vector<std::string> names;
    if (count > 0) {
        const std::span<const char*> all{found, static_cast<std::size_t>(count)};
        names.assign(all.begin(), all.end());
        libssh2_free(session, static_cast<void*>(found));
    }
    return names;
}

}  // namespace

AlgorithmLists libssh2_algorithms() {
    AlgorithmLists lists;
    LIBSSH2_SESSION* session =
        initialise() ? libssh2_session_init_ex(nullptr, nullptr, nullptr, nullptr) : nullptr;
    if (session == nullptr) {
        return lists;
    }
    lists.kex = names_of(session, LIBSSH2_METHOD_KEX);
    lists.host_key = names_of(session, LIBSSH2_METHOD_HOSTKEY);
    lists.cipher = names_of(session, LIBSSH2_METHOD_CRYPT_CS);
    lists.mac = names_of(session, LIBSSH2_METHOD_MAC_CS);
    std::erase(lists.host_key, "ssh-dss");
    libssh2_session_free(session);
    return lists;
}

Result<std::unique_ptr<Libssh2Transport>> Libssh2Transport::make(const SessionConfig& config) {
    if (const Result<void> initialised = initialise(); !initialised) {
        return tl::unexpected{initialised.error()};
    }
    // libssh2 asks fcntl() about its descriptor once and never uses it otherwise.
    const int descriptor = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (descriptor < 0) {
        return tl::unexpected{Error{ErrorCode::engine_failure, -LIBSSH2_ERROR_BAD_SOCKET}};
    }
    LIBSSH2_SESSION* session =
        libssh2_session_init_ex(&on_allocate, &on_free, &on_reallocate, nullptr);
    if (session == nullptr) {
        ::close(descriptor);
        return tl::unexpected{Error{ErrorCode::engine_failure, -LIBSSH2_ERROR_ALLOC}};
    }
    std::unique_ptr<Libssh2Transport> transport{new Libssh2Transport{session, descriptor}};
    *libssh2_session_abstract(session) = transport.get();
    libssh2_session_set_blocking(session, 0);
    set_callback(session, LIBSSH2_CALLBACK_RECV, &Libssh2Transport::on_receive);
    set_callback(session, LIBSSH2_CALLBACK_SEND, &Libssh2Transport::on_send);
    set_callback(session, LIBSSH2_CALLBACK_DISCONNECT, &Libssh2Transport::on_disconnect);
    libssh2_session_banner_set(session, ("SSH-2.0-" + config.software).c_str());
    if (const Result<void> preferred = transport->prefer(lists_of(config)); !preferred) {
        return tl::unexpected{preferred.error()};
    }
    return transport;
}

Libssh2Transport::Libssh2Transport(LIBSSH2_SESSION* session, int descriptor) noexcept
    : session_{session}, descriptor_{descriptor} {}

Libssh2Transport::~Libssh2Transport() {
    cut();
    for (int attempt = 0; attempt < free_attempts_max; ++attempt) {
        if (libssh2_session_free(session_) != LIBSSH2_ERROR_EAGAIN) {
            break;
        }
    }
    ::close(descriptor_);
}

Result<void> Libssh2Transport::prefer(const AlgorithmLists& algorithms) noexcept {
    struct Preference {
        int method;
        const std::vector<std::string>& names;
        ErrorCode none_known;
    };
    const std::array<Preference, 6> preferences{{
        {LIBSSH2_METHOD_KEX, algorithms.kex, ErrorCode::no_common_kex},
        {LIBSSH2_METHOD_HOSTKEY, algorithms.host_key, ErrorCode::no_common_host_key},
        {LIBSSH2_METHOD_CRYPT_CS, algorithms.cipher, ErrorCode::no_common_cipher},
        {LIBSSH2_METHOD_CRYPT_SC, algorithms.cipher, ErrorCode::no_common_cipher},
        {LIBSSH2_METHOD_MAC_CS, algorithms.mac, ErrorCode::no_common_mac},
        {LIBSSH2_METHOD_MAC_SC, algorithms.mac, ErrorCode::no_common_mac},
    }};
    for (const Preference& preference : preferences) {
        if (preference.names.empty()) {
            continue;
        }
        const std::string list = joined(preference.names);
        if (libssh2_session_method_pref(session_, preference.method, list.c_str()) != 0) {
            return tl::unexpected{Error{preference.none_known}};
        }
    }
    return {};
}

// ---- callbacks ---------------------------------------------------------------------------------

void Libssh2Transport::offer(std::span<const std::byte> bytes) noexcept {
    offered_ = bytes;
    admitted_bytes_ = bytes.size();
    is_reading_ = true;
}

void Libssh2Transport::withdraw() noexcept {
    offered_ = {};
    admitted_bytes_ = 0;
    is_reading_ = false;
}

/// The session is not ours yet while it is being made.
void Libssh2Transport::count_memory_step(void** abstract) noexcept {
    auto* const self = static_cast<Libssh2Transport*>(*abstract);
    if (self != nullptr && self->is_reading_) {
        ++self->memory_steps_;
    }
}

void* Libssh2Transport::on_allocate(std::size_t bytes, void** abstract) {
    count_memory_step(abstract);
    return std::malloc(bytes);
}

void* Libssh2Transport::on_reallocate(void* memory, std::size_t bytes, void** abstract) {
    count_memory_step(abstract);
    return std::realloc(memory, bytes);
}

void Libssh2Transport::on_free(void* memory, void** abstract) {
    count_memory_step(abstract);
    std::free(memory);
}

ssize_t Libssh2Transport::on_receive(
    libssh2_socket_t /*socket*/, void* buffer, std::size_t length, int /*flags*/, void** abstract) {
    Libssh2Transport& self = transport_of(abstract);
    if (self.cut_) {
        return 0;
    }
    const std::size_t count = std::min({length, self.offered_.size(), self.admitted_bytes_});
    if (count == 0) {
        return -EAGAIN;
    }
    std::memcpy(buffer, self.offered_.data(), count);
    self.offered_ = self.offered_.subspan(count);
    self.admitted_bytes_ -= count;
    return static_cast<ssize_t>(count);
}

ssize_t Libssh2Transport::on_send(libssh2_socket_t /*socket*/,
                                  const void* buffer,
                                  std::size_t length,
                                  int /*flags*/,
                                  void** abstract) {
    Libssh2Transport& self = transport_of(abstract);
    if (!self.cut_ && length > 0) {
        // libssh2 sends one packet at a time, at most 35,000 bytes.
        const std::span<std::byte> room = self.outbox_.reserve(length);
        std::memcpy(room.data(), buffer, length);
        self.outbox_.commit(length);
    }
    return static_cast<ssize_t>(length);
}

void Libssh2Transport::on_disconnect(LIBSSH2_SESSION* /*session*/,
                                     int reason,
                                     const char* message,
                                     int message_bytes,
                                     const char* /*language*/,
                                     int /*language_bytes*/,
                                     void** abstract) {
    Libssh2Transport& self = transport_of(abstract);
    self.peer_disconnected_ = true;
    self.peer_reason_ = static_cast<std::uint32_t>(reason);
    if (message != nullptr && message_bytes > 0) {
        self.peer_text_.assign(
            message, std::min(static_cast<std::size_t>(message_bytes), disconnect_text_bytes_max));
    }
}

void Libssh2Transport::disconnect(std::uint32_t reason) noexcept {
    static_cast<void>(
        libssh2_session_disconnect_ex(session_, static_cast<int>(reason), "closed", ""));
}

// ---- what failed -------------------------------------------------------------------------------

Error Libssh2Transport::error_of(int code) const noexcept {
    if (peer_disconnected_) {
        return {ErrorCode::disconnected_by_peer, peer_reason_};
    }
    switch (code) {
    case LIBSSH2_ERROR_BANNER_RECV:
        return {ErrorCode::not_ssh};
    case LIBSSH2_ERROR_INVALID_MAC:
        return {ErrorCode::integrity_failure};
    case LIBSSH2_ERROR_DECRYPT:
    case LIBSSH2_ERROR_OUT_OF_BOUNDARY:
        return {ErrorCode::malformed_packet};
    case LIBSSH2_ERROR_PROTO:
        return {ErrorCode::protocol_error};
    case LIBSSH2_ERROR_KEX_FAILURE:
        return negotiation_error();
    case LIBSSH2_ERROR_SOCKET_NONE:  // what stands where the peer's SSH_MSG_KEXINIT should
    case LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE:
    case LIBSSH2_ERROR_HOSTKEY_INIT:
    case LIBSSH2_ERROR_HOSTKEY_SIGN:
        return {ErrorCode::key_exchange_failed};
    case LIBSSH2_ERROR_TIMEOUT:
        return {ErrorCode::timed_out};
    case LIBSSH2_ERROR_SOCKET_DISCONNECT:
    case LIBSSH2_ERROR_SOCKET_RECV:
    case LIBSSH2_ERROR_SOCKET_SEND:
        return {ErrorCode::connection_lost};
    default:
        return {ErrorCode::engine_failure, static_cast<std::uint32_t>(-code)};
    }
}

/// libssh2 has one code for all of it, but it remembers the methods that were agreed before the
/// first one that was not.
Error Libssh2Transport::negotiation_error() const noexcept {
    // Kex and host key are chosen together: without the one there is no other.
    if (libssh2_session_methods(session_, LIBSSH2_METHOD_KEX) == nullptr) {
        return {ErrorCode::no_common_kex};
    }
    if (libssh2_session_methods(session_, LIBSSH2_METHOD_HOSTKEY) == nullptr) {
        return {ErrorCode::no_common_host_key};
    }
    if (libssh2_session_methods(session_, LIBSSH2_METHOD_CRYPT_CS) == nullptr ||
        libssh2_session_methods(session_, LIBSSH2_METHOD_CRYPT_SC) == nullptr) {
        return {ErrorCode::no_common_cipher};
    }
    if (libssh2_session_methods(session_, LIBSSH2_METHOD_MAC_CS) == nullptr ||
        libssh2_session_methods(session_, LIBSSH2_METHOD_MAC_SC) == nullptr) {
        return {ErrorCode::no_common_mac};
    }
    if (libssh2_session_methods(session_, LIBSSH2_METHOD_COMP_CS) == nullptr ||
        libssh2_session_methods(session_, LIBSSH2_METHOD_COMP_SC) == nullptr) {
        return {ErrorCode::no_common_compression};
    }
    return {ErrorCode::key_exchange_failed};
}

std::string_view Libssh2Transport::last_message() const noexcept {
    char* message = nullptr;
    int length = 0;
    libssh2_session_last_error(session_, &message, &length, 0);
    if (message == nullptr || length <= 0) {
        return {};
    }
    return {message, static_cast<std::size_t>(length)};
}

std::string Libssh2Transport::text_of_error() const {
    return peer_disconnected_ ? peer_text_ : std::string{last_message()};
}

}  // namespace caponier::ssh
