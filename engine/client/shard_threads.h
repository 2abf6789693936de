#pragma once
// The threads of the shards behind the first one: each makes a loop, lets a shard run on it, and
// waits to be joined. The first shard's thread is the forwarder's own.

#include <latch>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "engine/client/credentials.h"
#include "engine/client/log.h"
#include "engine/client/processors.h"
#include "engine/io/choose_loop.h"
#include "engine/relay/relay.h"

namespace caponier::client {

class ShardThreads final : public relay::ShardStarter {
  public:
    struct Options {
        io::Backend backend = io::Backend::automatic;
        std::optional<Processors> pinned_to;  ///< each thread to one of them
        Log log;                              ///< of shards that do not start
    };

    /// `credentials` outlive the threads.
    ShardThreads(Options options, Credentials& credentials) noexcept
        : options_(std::move(options)), credentials_(credentials) {}
    ~ShardThreads() override;  ///< expects that join() was called

    void start_shard(const relay::Shard::Place& place) noexcept override;
    /// Once the relay has finished; before its loop goes.
    void join() noexcept;

  private:
    void run(const relay::Shard::Place& place);
    /// The others go on without it.
    void fail(const relay::Shard::Place& place, std::string_view why) noexcept;

    const Options options_;
    Credentials& credentials_;
    std::vector<std::thread> threads_;
    /// The relay's last letter to a shard may be read before the call that sent it has returned, so
    /// that a loop may go only when the relay is done with all of them.
    std::latch relay_is_done_{1};
};

}  // namespace caponier::client
