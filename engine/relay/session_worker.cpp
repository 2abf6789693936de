// One SSH session's life on a shard, in the order in which it happens: dial, feed, ask, serve,
// watch the clock, leave.

#include "engine/relay/session_worker.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <variant>

#include "ssh/expects.h"

namespace caponier::relay {

using ssh::expects;

namespace {

/// As good as never, and far from where a time point ends.
constexpr std::chrono::nanoseconds no_timeout = std::chrono::hours{365 * 24};

Bytes copy_of(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

PromptsQuestion question_of(const ssh::PromptsWanted& wanted) {
    PromptsQuestion question{std::string{wanted.name}, std::string{wanted.instruction}, {}};
    for (const ssh::Prompt& prompt : wanted.prompts) {
        question.prompts.push_back({std::string{prompt.text}, prompt.echo});
    }
    return question;
}

/// All of them: which one answered does not matter then.
bool are_loopback(std::span<const io::Address> addresses) noexcept {
    return !addresses.empty() && std::ranges::all_of(addresses, &io::Address::is_loopback);
}

template <typename... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};
template <typename... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace

SessionWorker::SessionWorker(const Surroundings& surroundings, Owner& owner) noexcept
    : loop_(surroundings.loop),
      pool_(surroundings.pool),
      destination_(surroundings.destination),
      owner_(owner),
      observer_(surroundings.observer),
      slot_(surroundings.slot),
      counters_(surroundings.counters),
      dialer_(loop_, *this),
      streams_(*this, destination_.windows, destination_.budget),
      acknowledgement_(loop_, socket_) {
    receive_.bind<&SessionWorker::on_received>(*this);
    send_.bind<&SessionWorker::on_sent>(*this);
    timer_.bind<&SessionWorker::on_timer>(*this);
    close_.bind<&SessionWorker::on_closed>(*this);
}

SessionWorker::~SessionWorker() {
    expects(phase_ == Phase::idle || is_idle());
}

void SessionWorker::move_to(Phase next) noexcept {
    expects(next > phase_);
    phase_ = next;
}

bool SessionWorker::has_session() const noexcept {
    return phase_ > Phase::connecting && phase_ < Phase::leaving;
}

Upstream* SessionWorker::upstream() noexcept {
    return phase_ == Phase::established ? &streams_ : nullptr;
}

bool SessionWorker::is_quiet() const noexcept {
    return !has_session() || session_->channels_in_use() == 0;
}

bool SessionWorker::is_idle() const noexcept {
    return phase_ == Phase::ended && dialer_.is_idle() && !timer_.in_flight() &&
           acknowledgement_.is_idle() &&
           std::all_of(rounds_.begin(), rounds_.end(), [](const ReceiveRound& round) {
               return round.is_free();
           });
}

std::size_t SessionWorker::undelivered_bytes() const noexcept {
    return queued_bytes() + (socket_ ? loop_.undelivered_bytes(socket_) : 0);
}

bool SessionWorker::needs_no_person() const noexcept {
    return phase_ == Phase::established && policy_->needs_no_person();
}

// ---- dial --------------------------------------------------------------------------------------

void SessionWorker::start() noexcept {
    move_to(Phase::connecting);
    const bool limited = destination_.connect_timeout.count() > 0;
    connect_deadline_ = loop_.now() + (limited ? destination_.connect_timeout : no_timeout);
    set_timer();
    dialer_.start(destination_.addresses, destination_.connect_timeout);
}

void SessionWorker::dial_failed(int os_error) noexcept {
    give_up({.phase = SessionEnd::Phase::connecting,
             .error = {ssh::ErrorCode::connection_lost},
             .os_error = os_error});
}

void SessionWorker::dialed(io::Socket&& socket) noexcept {
    move_to(Phase::identifying);
    socket_ = std::move(socket);
    loop_.set_unsent_low_water(socket_, unsent_low_water_bytes);
    ssh::Result<std::unique_ptr<ssh::Session>> made = destination_.factory->make_session();
    if (!made) {
        give_up({.phase = SessionEnd::Phase::identifying, .error = made.error()});
        return;
    }
    session_ = std::move(*made);
    policy_ = destination_.factory->make_policy(loop_);
    receive_more();
    session_changed();
}

// ---- feed --------------------------------------------------------------------------------------

void SessionWorker::receive_more() noexcept {
    // While the policy is thinking, the session would not consume what comes.
    if (has_session() && !question_open_ && !receive_.in_flight()) {
        loop_.receive(socket_, pool_, session_buffer_bytes, receive_);
    }
}

void SessionWorker::on_received(io::Outcome& outcome) noexcept {
    if (!has_session()) {
        return;
    }
    if (outcome.error != 0 || outcome.bytes == 0) {
        end_.os_error = outcome.error != 0 ? outcome.error : end_.os_error;
        input_ended();
        return;
    }
    counters_.bytes.add(outcome.bytes);
    acknowledgement_.received(outcome.bytes);
    feed(std::move(outcome.buffer));
    look_for_life();
    receive_more();
    session_changed();
}

/// A dead server's connection may still bring bytes, from whoever can write into it.
void SessionWorker::look_for_life() noexcept {
    const std::uint64_t signs = session_->signs_of_life();
    if (std::exchange(signs_of_life_, signs) != signs) {
        probes_.heard(loop_.now(), destination_.alive);
    }
}

void SessionWorker::input_ended() noexcept {
    session_->end_of_input();
    take_events(nullptr);
}

void SessionWorker::feed(io::Lease&& lease) noexcept {
    // A packet may come byte by byte. Offering it anew with every piece would copy all of it each
    // time.
    if (tail_.size() + lease.bytes().size() < session_->bytes_wanted()) {
        tail_.insert(tail_.end(), lease.bytes().begin(), lease.bytes().end());
        return;
    }
    const std::span<std::byte> bytes = lease.prepend(tail_);
    tail_.clear();
    ReceiveRound* round = free_round();
    if (round != nullptr) {
        round->begin(std::move(lease), bytes);
    }
    const std::size_t consumed = session_->receive(bytes, loop_.now());
    take_events(round);
    streams_.wake_ahead();
    keep_tail(bytes.subspan(consumed));
    if (round != nullptr) {
        for (StreamUser* user : round->touched()) {
            user->deliver();
        }
        round->release();
    }
}

/// Offers again what was left over when a decision was pending.
void SessionWorker::feed_tail() noexcept {
    if (!has_session() || question_open_ || tail_.empty()) {
        return;
    }
    std::vector<std::byte> bytes = std::exchange(tail_, {});
    const std::size_t consumed = session_->receive(bytes, loop_.now());
    take_events(nullptr);
    keep_tail(std::span{bytes}.subspan(consumed));
}

void SessionWorker::keep_tail(std::span<const std::byte> rest) {
    tail_.assign(rest.begin(), rest.end());
}

ReceiveRound* SessionWorker::free_round() noexcept {
    const auto found = std::find_if(
        rounds_.begin(), rounds_.end(), [](const ReceiveRound& round) { return round.is_free(); });
    return found == rounds_.end() ? nullptr : &*found;
}

void SessionWorker::session_changed() noexcept {
    owner_.wants_settling(*this);
}

void SessionWorker::settle() noexcept {
    if (session_ != nullptr && phase_ < Phase::ended) {
        take_events(nullptr);
        flush();
        set_timer();
    }
    if (!send_.in_flight()) {
        acknowledgement_.turn_ended();
    }
}

void SessionWorker::flush() noexcept {
    if (send_.in_flight() || sending_failed_ || !socket_) {
        return;
    }
    std::array<std::span<const std::byte>, outbox_pieces> spans;
    const std::size_t count = session_->outbox(spans);
    if (count == 0) {
        return;
    }
    std::transform(spans.begin(),
                   spans.begin() + static_cast<std::ptrdiff_t>(count),
                   pieces_.begin(),
                   io::piece_of);
    loop_.send(socket_, std::span{pieces_}.first(count), send_);
    acknowledgement_.sent();
}

void SessionWorker::on_sent(io::Outcome& outcome) noexcept {
    if (phase_ == Phase::leaving) {
        session_->sent(outcome.bytes);
        if (outcome.error != 0 || session_->outbox_bytes() == 0) {
            leave();
        } else {
            flush();
        }
        return;
    }
    if (!has_session()) {
        return;
    }
    if (outcome.error != 0) {
        // Nothing leaves any more. The server's last words may still be unread, so that the end is
        // what the receive finds behind them; while a question is open, nobody reads.
        end_.os_error = outcome.error;
        sending_failed_ = true;
        if (question_open_) {
            input_ended();
        }
        return;
    }
    counters_.bytes.add(outcome.bytes);
    session_->sent(outcome.bytes);
    if (session_->outbox_bytes() < outbox_high_water_bytes) {
        streams_.wake_blocked();
    }
    session_changed();
}

// ---- events ------------------------------------------------------------------------------------

void SessionWorker::take_events(ReceiveRound* round) noexcept {
    while (has_session()) {
        const std::optional<ssh::Event> event = session_->next_event();
        if (!event) {
            return;
        }
        take(*event, round);
    }
}

void SessionWorker::take(const ssh::Event& event, ReceiveRound* round) noexcept {
    std::visit(
        Overloaded{
            [&](const ssh::PeerIdentified& identified) {
                move_to(Phase::negotiating);
                streams_.take_close_for_eof(
                    close_stands_for_eof(destination_.close_without_eof, identified.line));
                observer_.peer_identified(slot_, identified.line);
                if (identified.line.find("OpenSSH") != std::string_view::npos) {
                    streams_.window_returns_early();
                }
            },
            [&](const ssh::KeysChanged& keys) {
                std::string text{keys.kex};
                for (const std::string_view name : {keys.host_key, keys.cipher_out, keys.mac_out}) {
                    text.append(name.empty() ? "" : ", ").append(name);
                }
                observer_.keys_changed(slot_, text);
                begin_login();
            },
            [&](const ssh::HostKeyReceived& received) {
                ask(HostKeyQuestion{std::string{received.key.algorithm},
                                    copy_of(received.key.blob),
                                    are_loopback(destination_.addresses)});
            },
            [&](const ssh::AuthenticationWanted& wanted) {
                begin_login();
                const ssh::SessionBinding binding = session_->binding();
                ask(IdentityQuestion{.methods = std::string{wanted.methods},
                                     .partial_success = wanted.partial_success,
                                     .password_expired = wanted.password_expired,
                                     .binding = {.host_key = copy_of(binding.host_key),
                                                 .session_id = copy_of(binding.session_id),
                                                 .signature = copy_of(binding.signature)}});
            },
            [&](const ssh::SignatureWanted& wanted) {
                ask(SignatureQuestion{std::string{wanted.key.algorithm},
                                      copy_of(wanted.key.blob),
                                      copy_of(wanted.data)});
            },
            [&](const ssh::PromptsWanted& wanted) { ask(question_of(wanted)); },
            [&](const ssh::Banner& banner) { policy_->show_banner(std::string{banner.text}); },
            [&](const ssh::Established&) {
                move_to(Phase::established);
                policy_->authenticated();
                probes_.heard(loop_.now(), destination_.alive);
                streams_.carry_over(*session_);
                probe();
                owner_.session_established(*this);
            },
            [&](const ssh::ChannelOpened& opened) { streams_.take(opened); },
            [&](const ssh::ChannelRefused& refused) { streams_.take(refused); },
            [&](const ssh::ChannelData& data) {
                counters_.carried.set(1);
                const bool in_round = round != nullptr && round->holds(data.bytes);
                streams_.take(data, in_round ? round : nullptr);
            },
            [&](const ssh::ChannelEof& eof) { streams_.take(eof); },
            [&](const ssh::ChannelClosed& closed) { streams_.take(closed); },
            [&](const ssh::WindowOpened& opened) { streams_.take(opened); },
            [&](const ssh::SendReady&) { streams_.wake_blocked(); },
            [&](const ssh::ProbeAnswered&) { probe_answered(); },
            [&](const ssh::SessionEnded& ended) { session_is_over(ended); },
            [&](const ssh::Warning& warning) { observer_.warning(warning.text); },
            // Nothing was asked for that a server could answer or ask in these ways; the session
            // itself refuses what it must.
            [](const auto&) {},
        },
        event);
}

/// The first keys are on: the connection is made, and who decides now may be a person.
void SessionWorker::begin_login() noexcept {
    if (phase_ == Phase::negotiating) {
        move_to(Phase::authenticating);
        connect_deadline_ = loop_.now() + login_patience;
    }
}

void SessionWorker::ask(Question&& question) noexcept {
    expects(!question_open_);
    question_open_ = true;
    question_since_ = loop_.now();
    policy_->ask(std::move(question), *this);
}

void SessionWorker::answer(Answer&& answer) noexcept {
    if (!has_session()) {
        return;
    }
    expects(question_open_);
    question_open_ = false;
    connect_deadline_ += loop_.now() - question_since_;
    std::visit(Overloaded{
                   [&](const AcceptHostKey&) { session_->accept_host_key(); },
                   [&](const TryPublicKey& key) {
                       if (!session_->try_public_key({key.algorithm, key.blob})) {
                           policy_->key_not_usable();
                           ask(IdentityQuestion{});
                       }
                   },
                   [&](const TryPassword& with) { session_->try_password(with.password.bytes()); },
                   [&](const TryKeyboardInteractive&) { session_->try_keyboard_interactive(); },
                   [&](const PromptAnswers& answers) {
                       std::vector<std::span<const std::byte>> texts;
                       for (const ssh::SecretBytes& text : answers.texts) {
                           texts.push_back(text.bytes());
                       }
                       session_->answer(texts);
                   },
                   [&](const Signature& signature) { session_->provide_signature(signature.blob); },
                   [&](const DeclineSignature&) { session_->decline_signature(); },
                   [&](Refuse& refuse) {
                       end_.text = std::move(refuse.message);
                       end_.refused_by_policy = true;
                       if (phase_ < Phase::authenticating) {
                           session_->reject_host_key();
                       } else {
                           session_->give_up_authentication();
                       }
                   },
               },
               answer);
    take_events(nullptr);
    feed_tail();
    settle();
    receive_more();
}

// ---- the clock ---------------------------------------------------------------------------------

io::TimePoint SessionWorker::next_deadline() const noexcept {
    io::TimePoint due = io::TimePoint::max();
    if (phase_ < Phase::established && !question_open_) {
        due = std::min(due, connect_deadline_);
    }
    if (has_session() && !question_open_) {
        due = std::min(due, session_deadline());
    }
    if (phase_ == Phase::established) {
        due = std::min(due, probes_.due(destination_.alive));
    }
    if (phase_ == Phase::leaving) {
        due = std::min(due, farewell_deadline_);
    }
    return due;
}

/// When the session is to be told the time.
io::TimePoint SessionWorker::session_deadline() const noexcept {
    const std::optional<ssh::TimePoint> due = session_->next_deadline();
    return due ? std::max(*due, session_expires_after_) : io::TimePoint::max();
}

/// The timer may fire early, never late: moving it for every packet would cost more than the few
/// times that it fires for nothing.
void SessionWorker::set_timer() noexcept {
    // What was due while a question was open is due now, and not late.
    const io::TimePoint due = std::max(next_deadline(), loop_.now());
    if (timer_.in_flight()) {
        if (due < timer_due_) {
            timer_due_ = due;
            loop_.cancel(timer_);
        }
        return;
    }
    if (due != io::TimePoint::max()) {
        timer_due_ = due;
        loop_.wait_until(due, timer_);
    }
}

void SessionWorker::on_timer(io::Outcome&) noexcept {
    if (phase_ == Phase::ended) {
        return;
    }
    if (const std::chrono::nanoseconds late = loop_.now() - timer_due_; late >= late_timer) {
        forgive(late);
    }
    check_deadlines();
    settle();
    set_timer();
}

/// We did not run for a while. The server had that time, and its answers may wait to be read; if it
/// was the machine that stood still, they have not even been sent.
void SessionWorker::forgive(std::chrono::nanoseconds late) noexcept {
    const io::TimePoint not_before = loop_.now() + late_timer;
    if (!question_open_) {
        connect_deadline_ = std::max(connect_deadline_ + late, not_before);
    }
    session_expires_after_ = not_before;
    probes_.forgive(loop_.now(), destination_.alive);
}

void SessionWorker::check_deadlines() noexcept {
    const io::TimePoint now = loop_.now();
    if (phase_ < Phase::established && !question_open_ && now >= connect_deadline_) {
        give_up(
            {.phase = phase_for_people(), .error = {ssh::ErrorCode::timed_out}, .deadline = true});
        return;
    }
    if (phase_ == Phase::leaving && now >= farewell_deadline_) {
        leave();
        return;
    }
    if (has_session() && !question_open_ && now >= session_deadline()) {
        session_->expire(now);
    }
    if (phase_ == Phase::established) {
        check_liveness();
    }
}

void SessionWorker::check_liveness() noexcept {
    switch (probes_.judge(loop_.now(), destination_.alive)) {
    case Probes::Verdict::wait:
        break;
    case Probes::Verdict::probe:
        probe();
        break;
    case Probes::Verdict::dead:
        give_up({.phase = SessionEnd::Phase::established,
                 .error = {ssh::ErrorCode::timed_out},
                 .deadline = true});
        break;
    }
}

void SessionWorker::probe() noexcept {
    probes_.sent(loop_.now());
    session_->probe();
}

void SessionWorker::probe_answered() noexcept {
    if (const auto round_trip = probes_.answered(loop_.now())) {
        streams_.set_round_trip(*round_trip);
        if (probes_.wants_more()) {
            probe();
        }
    }
}

// ---- the end -----------------------------------------------------------------------------------

void SessionWorker::disconnect() noexcept {
    if (has_session()) {
        session_->disconnect();
        settle();
    } else if (phase_ < Phase::leaving) {
        give_up({.phase = phase_for_people(), .error = {ssh::ErrorCode::closed_by_application}});
    }
}

void SessionWorker::session_is_over(const ssh::SessionEnded& event) noexcept {
    SessionEnd end = std::move(end_);
    end.phase = phase_for_people();
    end.error = event.error;
    if (!end.refused_by_policy) {
        end.text = event.text;
    }
    give_up(std::move(end));
}

/// The session is over, for the reason given. What it still has to say is sent for a while.
void SessionWorker::give_up(SessionEnd&& end) noexcept {
    end_ = std::move(end);
    move_to(Phase::leaving);
    dialer_.stop();
    policy_.reset();
    farewell_deadline_ = loop_.now() + farewell_patience;
    streams_.session_ended();
    const bool has_last_words = session_ != nullptr && session_->outbox_bytes() > 0 &&
                                !sending_failed_ && end_.os_error == 0 && !end_.deadline;
    if (!has_last_words) {
        leave();
        return;
    }
    flush();
    set_timer();
}

void SessionWorker::leave() noexcept {
    move_to(Phase::ended);
    loop_.cancel(timer_);
    acknowledgement_.stop();
    if (socket_) {
        loop_.close(std::move(socket_), close_);
    } else {
        owner_.session_ended(*this, end_);
    }
}

void SessionWorker::on_closed(io::Outcome&) noexcept {
    owner_.session_ended(*this, end_);
}

SessionEnd::Phase SessionWorker::phase_for_people() const noexcept {
    switch (phase_) {
    case Phase::idle:
    case Phase::connecting:
        return SessionEnd::Phase::connecting;
    case Phase::identifying:
        return SessionEnd::Phase::identifying;
    case Phase::negotiating:
        return SessionEnd::Phase::negotiating;
    case Phase::authenticating:
        return SessionEnd::Phase::authenticating;
    case Phase::established:
    case Phase::leaving:
    case Phase::ended:
        return SessionEnd::Phase::established;
    }
    return SessionEnd::Phase::established;
}

}  // namespace caponier::relay
