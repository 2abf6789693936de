#pragma once
// Stand-ins for what a part of the relay talks to: each one records what it was told, in the words
// that a test compares.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/relay/observer.h"
#include "engine/relay/receive_round.h"
#include "engine/relay/upstream.h"
#include "tests/unit/relay/ground.h"

namespace caponier::relay {

using Words = std::vector<std::string>;

class FakeUpstream final : public Upstream {
  public:
    std::string refusal;                 ///< what open() says, unless it is empty
    Shortage shortage = Shortage::none;  ///< and of what it is short
    std::uint32_t allowed_bytes = 1024;  ///< what allowance() says
    std::size_t room_bytes = SIZE_MAX;   ///< what send() still takes

    Words told;  ///< "open host:port from host", "eof", "close"
    std::string sent;
    std::size_t granted_bytes = 0;
    StreamUser* user = nullptr;

    Opened open(const Target& target,
                const Originator& originator,
                StreamUser& asking) noexcept override {
        told.push_back("open " + target.host + ":" + std::to_string(target.port) + " from " +
                       originator.host);
        user = &asking;
        return {.ok = refusal.empty(), .id = StreamId{7}, .refusal = {refusal, shortage}};
    }
    std::uint32_t allowance(StreamId, std::uint32_t wanted_bytes) noexcept override {
        return std::min(allowed_bytes, wanted_bytes);
    }
    std::size_t send(StreamId, std::span<const std::byte> bytes) noexcept override {
        const std::size_t taken = std::min(room_bytes, bytes.size());
        room_bytes -= room_bytes == SIZE_MAX ? 0 : taken;
        sent += text_of(bytes.first(taken));
        return taken;
    }
    void grant(StreamId, std::size_t bytes) noexcept override { granted_bytes += bytes; }
    void eof(StreamId) noexcept override { told.emplace_back("eof"); }
    void close(StreamId) noexcept override { told.emplace_back("close"); }
};

class FakeStreamUser final : public StreamUser {
  public:
    Words told;
    std::function<void()> on_writable = [] {};
    MemoryShare share;          ///< of the stream that was closed
    bool keeps_rounds = false;  ///< retains the round of its data, as a slow socket would
    std::vector<ReceiveRound*> kept;

    void opened() noexcept override { told.emplace_back("opened"); }
    void refused(const Refusal& refusal) noexcept override {
        told.push_back("refused: " + std::string{refusal.reason});
    }
    void data(std::span<std::byte> bytes, ReceiveRound* round) noexcept override {
        told.push_back((round == nullptr ? "data to copy: " : "data: ") + text_of(bytes));
        if (round != nullptr) {
            round->touched().push_back(this);
            if (keeps_rounds) {
                round->retain();
                kept.push_back(round);
            }
        }
    }
    void deliver() noexcept override { told.emplace_back("deliver"); }
    void eof() noexcept override { told.emplace_back("eof"); }
    void closed(bool cut, MemoryShare promised) noexcept override {
        told.emplace_back(cut ? "cut" : "closed");
        share = std::move(promised);
    }
    void writable() noexcept override {
        told.emplace_back("writable");
        on_writable();
    }
};

class RecordingObserver final : public Observer {
  public:
    Words told;
    std::vector<SessionEnd> ends;
    std::vector<Finish> finishes;
    std::vector<io::Address> listening_at;

    [[nodiscard]] std::size_t times(std::string_view words) const {
        return static_cast<std::size_t>(std::count(told.begin(), told.end(), words));
    }

    void listening(const Forward&, const io::Address& address) noexcept override {
        told.emplace_back("listening");
        listening_at.push_back(address);
    }
    void listen_failed(const Forward&, const io::Address& address, io::IoError) noexcept override {
        told.push_back("listen failed at " + address.to_string());
    }
    void draining(std::uint64_t connections) noexcept override {
        told.push_back("draining " + std::to_string(connections));
    }
    void finished(Finish why) noexcept override { finishes.push_back(why); }
    void peer_identified(SessionSlot, std::string_view line) noexcept override {
        told.push_back("identified " + std::string{line});
    }
    void keys_changed(SessionSlot, std::string_view) noexcept override {}
    void session_established(SessionSlot) noexcept override { told.emplace_back("established"); }
    void session_lost(SessionSlot slot, const SessionEnd&, bool was_established) noexcept override {
        told.push_back((was_established ? "lost " : "not dialed ") +
                       std::to_string(index_of(slot)));
    }
    void session_ended(const SessionEnd& end) noexcept override { ends.push_back(end); }
    bool follows_tunnels() const noexcept override { return true; }
    void tunnel_opened(const io::Address&, const Target& target) noexcept override {
        told.push_back("opened " + target.host);
    }
    void tunnel_refused(const io::Address&,
                        const Target& target,
                        std::string_view reason) noexcept override {
        told.push_back("refused " + target.host + ": " + std::string{reason});
    }
    void tunnel_ended(const io::Address&, const Target& target, bool cut) noexcept override {
        told.push_back((cut ? "cut " : "ended ") + target.host);
    }
    void accept_paused(int os_error) noexcept override {
        told.push_back("paused " + std::to_string(os_error));
    }
    void warning(std::string_view text) noexcept override {
        told.push_back("warning " + std::string{text});
    }
};

}  // namespace caponier::relay
