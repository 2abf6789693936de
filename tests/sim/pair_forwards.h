#pragma once
// Remote forwards in the chaos of two sessions: the client's application that asks and cancels, the
// server's that grants and refuses whenever it likes, and what each of them may believe. Replies
// are held to the order of the requests, and every forwarded channel to the forward it is told of.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ssh/session.h"
#include "tests/sim/random.h"

namespace caponier::sim {

class PairForwards {
  public:
    PairForwards(Random& chance, ssh::Session& client, ssh::Session& server) noexcept
        : chance_{chance}, client_{client}, server_{server} {}

    struct Address {
        ssh::ForwardAddress::Kind kind{};
        std::string host;
        std::uint16_t port = 0;

        friend bool operator==(const Address&, const Address&) = default;
        friend auto operator<=>(const Address&, const Address&) = default;
    };

    /// One of: ask, cancel, answer.
    void act();
    /// Everything is answered and taken back; true once nothing is left to do.
    bool wind_down();

    /// What the server listens on, for a connection that comes to it; empty if nothing.
    [[nodiscard]] std::optional<Address> some_listening();
    /// A channel that was told to the client.
    void check_requested(const ssh::ChannelRequested& asked);
    /// A channel that the client's session refused by itself.
    [[nodiscard]] bool may_be_unknown(const Address& address) const {
        return once_cancelled_.contains(address) || !once_granted_.contains(address);
    }
    void take_at_client(const ssh::ForwardReply& reply);
    void take_at_server(const ssh::ForwardRequested& asked);

    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
    [[nodiscard]] std::size_t granted() const noexcept { return granted_; }

  private:
    struct Asked {
        Address address;  ///< the port as it was asked for, then as it was granted
        bool granted = false;
        bool cancelled = false;
    };
    struct Question {
        ssh::ForwardId id{};
        bool cancel = false;
        Address address;
    };

    void ask();
    void cancel();
    void answer(bool accept);
    void fail(std::string what);

    Random& chance_;
    ssh::Session& client_;
    ssh::Session& server_;
    std::map<ssh::ForwardId, Asked> asked_;                ///< of the client
    std::deque<std::pair<ssh::ForwardId, bool>> awaited_;  ///< replies, in order; cancel?
    std::optional<Question> question_;                     ///< the server's, open
    std::map<ssh::ForwardId, Address> listening_;          ///< of the server
    std::deque<Address> grants_on_the_way_;
    std::set<Address> once_granted_;
    std::set<Address> once_cancelled_;  ///< by the client
    std::uint16_t next_port_ = 40'000;
    std::size_t granted_ = 0;
    std::string failure_;
};

}  // namespace caponier::sim
