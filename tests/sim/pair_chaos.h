#pragma once
// Random use of two native sessions: opens, data, EOF, CLOSE, rekeys, stalls, tiny windows and
// packets, over a stream that is cut anywhere. One seed is one run. The content of every direction
// of every tunnel is known by its offset, so that a lost, doubled or reordered byte shows where it
// arrives.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/pair.h"
#include "tests/sim/pair_forwards.h"
#include "tests/sim/random.h"

namespace caponier::sim {

class PairChaos {
  public:
    explicit PairChaos(std::uint64_t seed);

    /// What went wrong; empty if all went well.
    [[nodiscard]] std::string run();

    struct Counts {
        std::size_t tunnels = 0;
        std::size_t bytes = 0;
        std::size_t rekeys = 0;
        std::size_t cut = 0;
        std::size_t forwards = 0;   ///< granted
        std::size_t forwarded = 0;  ///< channels of them
        std::size_t strays = 0;     ///< channels of no forward, refused
    };
    [[nodiscard]] const Counts& counts() const noexcept { return counts_; }

  private:
    /// One end of a tunnel, as the application there sees it.
    struct Mouth {
        bool open = false;
        ssh::LocalChannelId id{};
        std::uint64_t planned = 0;  ///< bytes to send
        std::uint64_t sent = 0;
        std::uint64_t received = 0;
        std::uint64_t granted = 0;
        std::uint64_t window = 0;  ///< promised in all
        bool eof_sent = false;
        bool eof_received = false;
        bool close_sent = false;
        bool close_received = false;
        bool through = false;  ///< nothing more happens here
    };
    struct Tunnel {
        Mouth client;
        Mouth server;
        ssh::ChannelKind kind{};
        PairForwards::Address forward;  ///< of one that the server opened
        bool arrived = false;           ///< the other side's application was asked
        bool asked = false;             ///< and owes the answer
        bool given_up = false;          ///< by who opened it, before it was open

        [[nodiscard]] bool by_server() const noexcept {
            return kind == ssh::ChannelKind::forwarded_tcpip ||
                   kind == ssh::ChannelKind::forwarded_streamlocal;
        }
        [[nodiscard]] Mouth& opener() noexcept { return by_server() ? server : client; }
        [[nodiscard]] Mouth& acceptor() noexcept { return by_server() ? client : server; }
    };

    [[nodiscard]] static Pair::Options options_for(std::uint64_t seed);
    void act();
    void open_tunnel();
    [[nodiscard]] bool choose_forward(Tunnel& tunnel);
    [[nodiscard]] ssh::Session& opener_of(const Tunnel& tunnel) noexcept;
    void answer_open(Tunnel& tunnel);
    void act_on(Pair::End& end, Tunnel& tunnel, bool is_client);
    void send_some(Pair::End& end, Mouth& mouth, std::uint64_t stream);
    void grant_some(Pair::End& end, Mouth& mouth, std::uint64_t most);
    void finish(Pair::End& end, Tunnel& tunnel, bool is_client);
    [[nodiscard]] bool wind_down();

    void take(bool is_client, const ssh::Event& event);
    void take_request(const ssh::ChannelRequested& asked);
    void take_refusal(Tunnel* tunnel, const ssh::ChannelRefused& refused);
    [[nodiscard]] Tunnel* tunnel_asked_for(const ssh::ChannelRequested& asked);
    void take_data(bool is_client, const ssh::ChannelData& data);
    void take_close(bool is_client, const ssh::ChannelClosed& closed);
    [[nodiscard]] Tunnel* tunnel_of(bool is_client, ssh::LocalChannelId id);
    void check_windows();
    void check_that_both_sides_agree();
    void check_mouth(Pair::End& end, const Mouth& mouth);
    void fail(std::string what);

    Random chance_;
    Pair pair_;
    PairForwards forwards_;
    std::vector<std::unique_ptr<Tunnel>> tunnels_;
    std::size_t tunnels_max_ = 0;
    std::uint64_t bytes_max_ = 0;
    std::uint64_t client_window_ = 0;
    std::uint64_t server_window_ = 0;
    bool stalled_ = false;  ///< nobody grants for a while
    bool winding_down_ = false;
    std::string failure_;
    Counts counts_;
};

/// The byte at `offset` of a direction of a tunnel.
[[nodiscard]] std::byte content_at(std::uint64_t stream, std::uint64_t offset) noexcept;

}  // namespace caponier::sim
