#pragma once
// An SSH session without SSH, and a policy without a person: events are pushed by the test,
// commands are recorded as words, answers are given when the test says so.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/relay/session_policy.h"
#include "engine/relay/session_worker.h"
#include "ssh/session.h"
#include "tests/unit/relay/fakes.h"

namespace caponier::relay {

class FakeSession final : public ssh::Session {
  public:
    /// What is added to the outbox moves nothing that is being sent from it.
    FakeSession() { outbox_text.reserve(1024 * 1024); }

    std::deque<ssh::Event> events;
    Words told;  ///< the commands
    std::map<std::uint32_t, ssh::ChannelState> channels;
    std::string outbox_text;                    ///< add to it, assign nothing
    std::size_t outbox_piece_bytes = SIZE_MAX;  ///< in what pieces outbox() lends it
    std::size_t outbox_claimed_bytes = 0;       ///< outbox_bytes() says at least so much
    std::size_t channels_used = 0;              ///< what channels_in_use() says
    std::size_t send_room_bytes = SIZE_MAX;     ///< what send() still takes
    std::optional<ssh::Error> open_failure;
    std::optional<ssh::TimePoint> deadline;
    std::string received;
    std::size_t wanted = 1;         ///< what bytes_wanted() says
    std::size_t offers = 0;         ///< calls of receive(), and
    std::size_t offered_bytes = 0;  ///< what all of them saw
    std::uint64_t signs = 0;  ///< what signs_of_life() says; receive() adds one if it consumes
    bool usable_keys = true;
    bool ended = false;
    std::uint32_t next_channel = 0;
    /// What receive() does; returns how much it consumed.
    std::function<std::size_t(std::span<std::byte>)> on_receive = [](std::span<std::byte> bytes) {
        return bytes.size();
    };
    ssh::OpenTarget last_open;
    ssh::SessionBinding session_binding;  ///< what binding() says

    /// SessionEnded with these words.
    void end(ssh::ErrorCode code, std::string_view text = {}) {
        ended = true;
        end_text_ = text;
        events.push_back(ssh::SessionEnded{{code}, end_text_});
    }
    ssh::ChannelState& channel_of(ssh::LocalChannelId id) {
        return channels[static_cast<std::uint32_t>(id)];
    }

    bool is_established() const noexcept override { return true; }
    bool is_ended() const noexcept override { return ended; }
    std::optional<ssh::ChannelState> channel(ssh::LocalChannelId id) const noexcept override;
    std::optional<ssh::TimePoint> next_deadline() const noexcept override { return deadline; }
    std::size_t channels_in_use() const noexcept override { return channels_used; }
    ssh::SessionBinding binding() const noexcept override { return session_binding; }
    std::size_t outbox_bytes() const noexcept override {
        return std::max(outbox_text.size(), outbox_claimed_bytes);
    }
    std::size_t bytes_wanted() const noexcept override { return wanted; }
    std::uint64_t signs_of_life() const noexcept override { return signs; }
    std::size_t receive(std::span<std::byte> bytes, ssh::TimePoint) noexcept override;
    void end_of_input() noexcept override;
    void expire(ssh::TimePoint now) noexcept override;

    void accept_host_key() noexcept override { told.emplace_back("accept host key"); }
    void reject_host_key() noexcept override;
    bool try_public_key(const ssh::PublicKeyView& key) noexcept override;
    void try_password(std::span<const std::byte> password) noexcept override;
    void try_keyboard_interactive() noexcept override {
        told.emplace_back("try keyboard-interactive");
    }
    void give_up_authentication() noexcept override;
    void provide_signature(std::span<const std::byte> signature) noexcept override;
    void decline_signature() noexcept override { told.emplace_back("decline signature"); }
    void answer(std::span<const std::span<const std::byte>> answers) noexcept override;
    void accept_authentication() noexcept override {}
    void accept_authentication_partly(std::string_view) noexcept override {}
    void ask_prompts(std::string_view,
                     std::string_view,
                     std::span<const ssh::Prompt>) noexcept override {}
    void refuse_authentication(std::string_view) noexcept override {}

    ssh::Result<ssh::LocalChannelId> open(const ssh::OpenTarget& target) noexcept override;
    void accept_channel(ssh::LocalChannelId) noexcept override {}
    void refuse_channel(ssh::LocalChannelId, ssh::OpenFailure, std::string_view) noexcept override {
    }
    std::size_t send(ssh::LocalChannelId id, std::span<const std::byte> bytes) noexcept override;
    void grant(ssh::LocalChannelId id, std::uint32_t bytes) noexcept override;
    void withhold(ssh::LocalChannelId id, std::uint32_t bytes) noexcept override {
        tell("withhold " + std::to_string(bytes), id);
    }
    void widen(ssh::LocalChannelId id, std::uint32_t bytes) noexcept override {
        tell("widen " + std::to_string(bytes), id);
    }
    void eof(ssh::LocalChannelId id) noexcept override { tell("eof", id); }
    void close(ssh::LocalChannelId id) noexcept override { tell("close", id); }
    ssh::Result<ssh::ForwardId> request_forward(const ssh::ForwardAddress&) noexcept override {
        return tl::unexpected{ssh::Error{ssh::ErrorCode::not_supported}};
    }
    void cancel_forward(ssh::ForwardId) noexcept override {}
    void reply_forward(bool, std::uint16_t) noexcept override {}
    void probe() noexcept override { told.emplace_back("probe"); }
    void rekey() noexcept override {}
    void disconnect() noexcept override;

    std::optional<ssh::Event> next_event() noexcept override;
    std::size_t outbox(std::span<std::span<const std::byte>> pieces) const noexcept override;
    void sent(std::size_t bytes) noexcept override { outbox_text.erase(0, bytes); }

  private:
    void tell(const std::string& what, ssh::LocalChannelId id);

    std::string end_text_;
};

/// The policies of a factory. Outlives them.
class AnswerDesk {
  public:
    explicit AnswerDesk(io::Loop& loop) noexcept : loop_(loop) {
        posted_.bind<&AnswerDesk::on_posted>(*this);
    }

    std::vector<Question> questions;
    Words told;
    std::size_t policies = 0;  ///< alive
    bool needs_no_person = true;

    [[nodiscard]] std::unique_ptr<SessionPolicy> make_policy();
    /// Answers the open question in the next turn of the loop.
    void answer(Answer&& answer);

  private:
    class Policy;
    void on_posted(io::Outcome& outcome) noexcept;

    io::Loop& loop_;
    AnswerSink* sink_ = nullptr;  ///< of the open question
    Answer answer_;
    io::Completion posted_;
};

class FakeFactory final : public SessionFactory {
  public:
    explicit FakeFactory(io::Loop& loop) noexcept : desk(loop) {}

    AnswerDesk desk;
    FakeSession* session = nullptr;      ///< the last that was made
    std::vector<FakeSession*> sessions;  ///< all that were made, gone ones as well
    std::optional<ssh::Error> failure;
    std::function<void(FakeSession&)> prepare = [](FakeSession&) {};

    ssh::Result<std::unique_ptr<ssh::Session>> make_session() override;
    std::unique_ptr<SessionPolicy> make_policy(io::Loop&) override { return desk.make_policy(); }
};

}  // namespace caponier::relay
