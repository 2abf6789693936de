// One function a thread.

#include "engine/client/shard_threads.h"

#include <utility>

#include <fmt/format.h>

#include "engine/client/start_thread.h"
#include "engine/io/expects.h"

namespace caponier::client {

ShardThreads::~ShardThreads() {
    io::expects(threads_.empty());
}

void ShardThreads::start_shard(const relay::Shard::Place& place) noexcept {
    auto thread = start_thread([this, place] { run(place); });
    if (!thread) {
        fail(place, thread.error());
        return;
    }
    threads_.push_back(std::move(*thread));
}

void ShardThreads::run(const relay::Shard::Place& place) {
    if (options_.pinned_to) {
        options_.pinned_to->pin_thread(relay::index_of(place.id));
    }
    auto chosen = io::choose_loop(options_.backend);
    if (!chosen) {
        fail(place, chosen.error());
        return;
    }
    {
        relay::Shard shard{*chosen->loop, place};
        shard.run();
    }
    credentials_.drain(*chosen->loop);
    relay_is_done_.wait();
}

void ShardThreads::fail(const relay::Shard::Place& place, std::string_view why) noexcept {
    options_.log(LogLevel::info,
                 fmt::format("shard {} does not start and the others go on: {}",
                             relay::index_of(place.id) + 1,
                             why));
    place.relay.put(relay::ShardFailed{place.id});
}

void ShardThreads::join() noexcept {
    relay_is_done_.count_down();
    for (std::thread& thread : threads_) {
        thread.join();
    }
    threads_.clear();
}

}  // namespace caponier::client
