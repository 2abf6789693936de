#pragma once
// One LIBSSH2_SESSION between memory and memory: what it receives is offered here, what it sends
// lands in the outbox. Owns the session, its dummy descriptor and the peer's last words; says what
// libssh2's error codes mean. libssh2_session.cpp drives it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <sys/types.h>

#include <libssh2.h>

#include "ssh/config.h"
#include "ssh/error.h"
#include "ssh/transport/outbox.h"

namespace caponier::ssh {

class Libssh2Transport {
  public:
    [[nodiscard]] static Result<std::unique_ptr<Libssh2Transport>> make(
        const SessionConfig& config);
    Libssh2Transport(const Libssh2Transport&) = delete;
    Libssh2Transport& operator=(const Libssh2Transport&) = delete;
    ~Libssh2Transport();

    [[nodiscard]] LIBSSH2_SESSION* session() noexcept { return session_; }
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

    /// What libssh2 may read, until withdraw(). The bytes are the caller's.
    void offer(std::span<const std::byte> bytes) noexcept;
    /// Of what is offered, libssh2 gets at most this much before it is told to come again.
    void admit(std::size_t bytes) noexcept { admitted_bytes_ = bytes; }
    [[nodiscard]] std::size_t unread_bytes() const noexcept { return offered_.size(); }
    void withdraw() noexcept;
    /// What libssh2 asked of its allocator while something was offered. It tells nobody of a
    /// packet, but takes memory when it has read the beginning of one, and takes or frees some when
    /// it has verified the whole; while the bytes between trickle in, this stands still.
    [[nodiscard]] std::uint64_t memory_steps() const noexcept { return memory_steps_; }

    /// SSH_MSG_DISCONNECT, as far as libssh2 is able to send it now.
    void disconnect(std::uint32_t reason) noexcept;
    /// From now on libssh2 reads the end of the stream, and what it sends is dropped.
    void cut() noexcept { cut_ = true; }

    /// What a failed call means; `code` is negative.
    [[nodiscard]] Error error_of(int code) const noexcept;
    /// libssh2's words for the failure, or the peer's if it sent SSH_MSG_DISCONNECT.
    [[nodiscard]] std::string text_of_error() const;
    /// libssh2's words for its last failure; valid until its next call.
    [[nodiscard]] std::string_view last_message() const noexcept;
    [[nodiscard]] bool peer_disconnected() const noexcept { return peer_disconnected_; }

    [[nodiscard]] Outbox& outbox() noexcept { return outbox_; }
    [[nodiscard]] const Outbox& outbox() const noexcept { return outbox_; }

  private:
    Libssh2Transport(LIBSSH2_SESSION* session, int descriptor) noexcept;
    [[nodiscard]] Result<void> prefer(const AlgorithmLists& algorithms) noexcept;
    [[nodiscard]] Error negotiation_error() const noexcept;

    static void* on_allocate(std::size_t bytes, void** abstract);
    static void* on_reallocate(void* memory, std::size_t bytes, void** abstract);
    static void on_free(void* memory, void** abstract);
    static void count_memory_step(void** abstract) noexcept;
    static ssize_t on_receive(
        libssh2_socket_t socket, void* buffer, std::size_t length, int flags, void** abstract);
    static ssize_t on_send(libssh2_socket_t socket,
                           const void* buffer,
                           std::size_t length,
                           int flags,
                           void** abstract);
    static void on_disconnect(LIBSSH2_SESSION* session,
                              int reason,
                              const char* message,
                              int message_bytes,
                              const char* language,
                              int language_bytes,
                              void** abstract);

    LIBSSH2_SESSION* session_;
    int descriptor_;
    Outbox outbox_;
    std::span<const std::byte> offered_;
    std::size_t admitted_bytes_ = 0;
    std::uint64_t memory_steps_ = 0;
    bool is_reading_ = false;
    bool cut_ = false;
    bool peer_disconnected_ = false;
    std::uint32_t peer_reason_ = 0;
    std::string peer_text_;
};

}  // namespace caponier::ssh
