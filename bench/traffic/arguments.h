#pragma once
// "--name value" pairs, and the verbs that take them (main.cpp lists what each wants).

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace caponier::bench {

class Arguments {
  public:
    /// `words` without the program's name and the verb; `fail`s where they are not pairs.
    explicit Arguments(std::span<char* const> words);

    /// `fail` where the argument is missing.
    [[nodiscard]] std::string text(std::string_view name) const;
    [[nodiscard]] std::string text_or(std::string_view name, std::string_view otherwise) const;
    [[nodiscard]] std::uint64_t number(std::string_view name) const;
    [[nodiscard]] std::uint64_t number_or(std::string_view name, std::uint64_t otherwise) const;

  private:
    std::map<std::string, std::string, std::less<>> values_;
};

/// Each runs until its work is done (0) and writes one line of JSON to stdout; target, delay and
/// floor write {"port": N} when they listen, and run until they are killed.
int run_target(const Arguments& arguments);
int run_delay(const Arguments& arguments);
int run_floor(const Arguments& arguments);
int run_bulk(const Arguments& arguments);
int run_echo(const Arguments& arguments);
int run_idle(const Arguments& arguments);
int run_talk(const Arguments& arguments);
int run_watch(const Arguments& arguments);

}  // namespace caponier::bench
