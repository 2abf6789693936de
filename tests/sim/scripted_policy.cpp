// See scripted_policy.h.

#include "tests/sim/scripted_policy.h"

#include <utility>
#include <variant>

namespace caponier::sim {

class AnswerDesk::Policy final : public relay::SessionPolicy {
  public:
    explicit Policy(AnswerDesk& desk) noexcept : desk_(desk) {}

    ~Policy() override {
        for (const std::unique_ptr<Pending>& pending : desk_.pending_) {
            if (pending->asker == this && pending->sink != nullptr) {
                pending->sink = nullptr;
                desk_.loop_.cancel(pending->due);
            }
        }
    }

    void ask(relay::Question&& question, relay::AnswerSink& sink) noexcept override {
        desk_.pending_.push_back(std::make_unique<Pending>());
        Pending& pending = *desk_.pending_.back();
        pending.asker = this;
        pending.sink = &sink;
        pending.answer = desk_.answer_to(question);
        pending.due.bind<&Pending::on_due>(pending);
        const std::chrono::nanoseconds thinking =
            desk_.random_.duration(desk_.script_.thinking_max);
        desk_.loop_.wait_until(desk_.loop_.now() + thinking, pending.due);
    }

    void key_not_usable() noexcept override {}
    void show_banner(std::string&&) noexcept override {}
    void authenticated() noexcept override {}
    [[nodiscard]] bool needs_no_person() const noexcept override { return true; }

  private:
    AnswerDesk& desk_;
};

std::unique_ptr<relay::SessionPolicy> AnswerDesk::make_policy() {
    return std::make_unique<Policy>(*this);
}

void AnswerDesk::Pending::on_due(io::Outcome&) noexcept {
    if (sink != nullptr) {
        std::exchange(sink, nullptr)->answer(std::move(answer));
    }
}

relay::Answer AnswerDesk::answer_to(const relay::Question& question) {
    if (random_.chance(script_.refuses)) {
        refused_ = true;
        return relay::Refuse{"the script refuses"};
    }
    if (std::holds_alternative<relay::HostKeyQuestion>(question)) {
        return relay::AcceptHostKey{};
    }
    if (std::holds_alternative<relay::SignatureQuestion>(question)) {
        if (random_.chance(script_.declines_signature)) {
            return relay::DeclineSignature{};
        }
        return relay::Signature{relay::Bytes(16, std::byte{7})};
    }
    const bool usable = !random_.chance(script_.offers_unusable_key);
    return relay::TryPublicKey{usable ? "ssh-scripted" : "unusable", relay::Bytes(8, std::byte{1})};
}

}  // namespace caponier::sim
