#pragma once
// What a session worker asks of whoever knows the user: is this host key right, which identity
// next, sign this. engine/client answers from files, agents and people on threads of its own; tests
// answer from memory. Questions and answers own their bytes, because they cross threads.

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "ssh/crypto/secret_bytes.h"

namespace caponier::relay {

using Bytes = std::vector<std::byte>;

// ---- questions: one at a time per session ------------------------------------------------------

/// Answer: AcceptHostKey or Refuse.
struct HostKeyQuestion {
    std::string algorithm;
    Bytes blob;
    bool peer_is_loopback = false;  ///< wherever the host's name leads, it is this machine
};

/// ssh::SessionBinding; empty where the engine does not know it.
struct SessionBinding {
    Bytes host_key;
    Bytes session_id;
    Bytes signature;
};

/// The server wants the user authenticated. Answer: TryPublicKey, TryPassword,
/// TryKeyboardInteractive or Refuse.
struct IdentityQuestion {
    std::string methods;
    bool partial_success = false;
    bool password_expired = false;
    SessionBinding binding{};
};

/// RFC 4256: the server asks the user. Answer: PromptAnswers, as an IdentityQuestion with another
/// method, or Refuse.
struct PromptsQuestion {
    struct Prompt {
        std::string text;  ///< unfiltered, as the others
        bool echo = false;
    };
    std::string name;
    std::string instruction;
    std::vector<Prompt> prompts;
};

/// Sign `data` with the private half of `blob`. Answer: Signature, DeclineSignature or Refuse.
struct SignatureQuestion {
    std::string algorithm;
    Bytes blob;
    Bytes data;
};

using Question =
    std::variant<HostKeyQuestion, IdentityQuestion, SignatureQuestion, PromptsQuestion>;

// ---- answers ----------------------------------------------------------------------------------

struct AcceptHostKey {};
struct TryPublicKey {
    std::string algorithm;
    Bytes blob;
};
struct TryPassword {
    ssh::SecretBytes password;
};
struct TryKeyboardInteractive {};
/// One for each prompt, in order; none for none.
struct PromptAnswers {
    std::vector<ssh::SecretBytes> texts;
};
struct Signature {
    Bytes blob;  ///< RFC 4253 6.6: string algorithm, string signature
};
struct DeclineSignature {};
/// Give this session up. `message` is what the user reads, in lines: what, and then what to do.
struct Refuse {
    std::string message;
};

using Answer = std::variant<AcceptHostKey,
                            TryPublicKey,
                            TryPassword,
                            TryKeyboardInteractive,
                            PromptAnswers,
                            Signature,
                            DeclineSignature,
                            Refuse>;

/// Takes the answers; the session worker.
class AnswerSink {
  public:
    AnswerSink() = default;
    AnswerSink(const AnswerSink&) = delete;
    AnswerSink& operator=(const AnswerSink&) = delete;
    virtual ~AnswerSink() = default;
    /// On the shard's thread, from inside Loop::run_once(), never from inside ask().
    virtual void answer(Answer&& answer) noexcept = 0;
};

/// One per session, made and used on the shard's thread.
class SessionPolicy {
  public:
    SessionPolicy() = default;
    SessionPolicy(const SessionPolicy&) = delete;
    SessionPolicy& operator=(const SessionPolicy&) = delete;
    /// After this no answer arrives any more, also if a question is still open.
    virtual ~SessionPolicy() = default;

    /// Never blocks. Exactly one answer follows through `sink`.
    virtual void ask(Question&& question, AnswerSink& sink) noexcept = 0;
    /// The engine cannot use the key of the last TryPublicKey and sent nothing; an IdentityQuestion
    /// follows that counts no failure.
    virtual void key_not_usable() noexcept = 0;
    /// The server's words for the user (RFC 4252 5.4), unfiltered.
    virtual void show_banner(std::string&& text) noexcept = 0;
    /// The user is authenticated: no question follows. What worked is tried first in the next
    /// session.
    virtual void authenticated() noexcept = 0;
    /// What authenticated this session would do so again without a person: no password, no
    /// passphrase, no prompt, no token to touch. False before authenticated().
    [[nodiscard]] virtual bool needs_no_person() const noexcept = 0;
};

}  // namespace caponier::relay
