#pragma once
// What the program says where an allocation fails. It cannot go on then; but a person is to learn
// why it ended.

namespace caponier::cli {

/// From now on an allocation that fails ends the program with one sentence and exit code 255. There
/// is a file for each allocator that the program is linked with.
void say_when_memory_ends() noexcept;

}  // namespace caponier::cli
