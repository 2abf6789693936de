// See fake_session.h.

#include "tests/unit/relay/fake_session.h"

#include <algorithm>
#include <utility>

namespace caponier::relay {

std::optional<ssh::ChannelState> FakeSession::channel(ssh::LocalChannelId id) const noexcept {
    const auto found = channels.find(static_cast<std::uint32_t>(id));
    return found == channels.end() ? std::nullopt : std::optional{found->second};
}

std::size_t FakeSession::receive(std::span<std::byte> bytes, ssh::TimePoint) noexcept {
    ++offers;
    offered_bytes += bytes.size();
    const std::size_t consumed = on_receive(bytes);
    received += text_of(bytes.first(consumed));
    signs += consumed > 0 ? 1U : 0U;
    return consumed;
}

void FakeSession::end_of_input() noexcept {
    told.emplace_back("end of input");
    end(ssh::ErrorCode::connection_lost);
}

void FakeSession::expire(ssh::TimePoint) noexcept {
    told.emplace_back("expire");
    deadline.reset();
}

void FakeSession::reject_host_key() noexcept {
    told.emplace_back("reject host key");
    end(ssh::ErrorCode::host_key_rejected);
}

bool FakeSession::try_public_key(const ssh::PublicKeyView& key) noexcept {
    told.push_back("try " + std::string{key.algorithm} + " " + text_of(key.blob));
    return std::exchange(usable_keys, true);
}

void FakeSession::give_up_authentication() noexcept {
    told.emplace_back("give up");
    end(ssh::ErrorCode::authentication_failed);
}

void FakeSession::provide_signature(std::span<const std::byte> signature) noexcept {
    told.push_back("signature " + text_of(signature));
}

void FakeSession::try_password(std::span<const std::byte> password) noexcept {
    told.push_back("try password " + text_of(password));
}

void FakeSession::answer(std::span<const std::span<const std::byte>> answers) noexcept {
    std::string words = "answer";
    for (const std::span<const std::byte> answer : answers) {
        words += " " + text_of(answer);
    }
    told.push_back(words);
}

ssh::Result<ssh::LocalChannelId> FakeSession::open(const ssh::OpenTarget& target) noexcept {
    if (open_failure) {
        return tl::unexpected{*open_failure};
    }
    last_open = target;
    told.push_back("open " + std::string{target.host} + ":" + std::to_string(target.port) +
                   " from " + std::string{target.originator_host} + ":" +
                   std::to_string(target.originator_port));
    channels[next_channel] = {.open = true, .send_window = 1024};
    return ssh::LocalChannelId{next_channel++};
}

std::size_t FakeSession::send(ssh::LocalChannelId id, std::span<const std::byte> bytes) noexcept {
    ssh::ChannelState& state = channel_of(id);
    const std::size_t taken =
        std::min({bytes.size(), std::size_t{state.send_window}, send_room_bytes});
    state.send_window -= static_cast<std::uint32_t>(taken);
    send_room_bytes -= send_room_bytes == SIZE_MAX ? 0 : taken;
    told.push_back("send " + text_of(bytes.first(taken)));
    return taken;
}

void FakeSession::grant(ssh::LocalChannelId id, std::uint32_t bytes) noexcept {
    tell("grant " + std::to_string(bytes), id);
}

void FakeSession::disconnect() noexcept {
    told.emplace_back("disconnect");
    if (!ended) {
        outbox_text += "bye";
        end(ssh::ErrorCode::closed_by_application);
    }
}

std::optional<ssh::Event> FakeSession::next_event() noexcept {
    if (events.empty()) {
        return std::nullopt;
    }
    const ssh::Event event = events.front();
    events.pop_front();
    return event;
}

std::size_t FakeSession::outbox(std::span<std::span<const std::byte>> pieces) const noexcept {
    std::string_view rest = outbox_text;
    std::size_t count = 0;
    while (count < pieces.size() && !rest.empty()) {
        const std::size_t length = std::min(outbox_piece_bytes, rest.size());
        pieces[count++] = bytes_of(rest.substr(0, length));
        rest.remove_prefix(length);
    }
    return count;
}

void FakeSession::tell(const std::string& what, ssh::LocalChannelId id) {
    told.push_back(what + " " + std::to_string(static_cast<std::uint32_t>(id)));
}

// ---- the policy ---------------------------------------------------------------------------------

class AnswerDesk::Policy final : public SessionPolicy {
  public:
    explicit Policy(AnswerDesk& desk) noexcept : desk_(desk) { ++desk_.policies; }
    ~Policy() override {
        --desk_.policies;
        desk_.sink_ = nullptr;
    }

    void ask(Question&& question, AnswerSink& sink) noexcept override {
        desk_.questions.push_back(std::move(question));
        desk_.sink_ = &sink;
    }
    void key_not_usable() noexcept override { desk_.told.emplace_back("not usable"); }
    void show_banner(std::string&& text) noexcept override {
        desk_.told.push_back("banner " + text);
    }
    void authenticated() noexcept override { desk_.told.emplace_back("authenticated"); }
    bool needs_no_person() const noexcept override { return desk_.needs_no_person; }

  private:
    AnswerDesk& desk_;
};

std::unique_ptr<SessionPolicy> AnswerDesk::make_policy() {
    return std::make_unique<Policy>(*this);
}

void AnswerDesk::answer(Answer&& answer) {
    answer_ = std::move(answer);
    loop_.post(posted_);
}

void AnswerDesk::on_posted(io::Outcome&) noexcept {
    if (sink_ != nullptr) {
        std::exchange(sink_, nullptr)->answer(std::move(answer_));
    }
}

ssh::Result<std::unique_ptr<ssh::Session>> FakeFactory::make_session() {
    if (failure) {
        return tl::unexpected{*failure};
    }
    auto made = std::make_unique<FakeSession>();
    session = made.get();
    sessions.push_back(session);
    prepare(*session);
    return made;
}

}  // namespace caponier::relay
