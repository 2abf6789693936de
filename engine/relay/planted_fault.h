#pragma once
// Bugs that a test build plants on purpose, so that the simulation itself is tested: it must find
// each of them. The program is built with this file, which plants none; tests/sim/planted holds the
// other versions, found first on that build's include path.

namespace caponier::relay::planted_fault {

/// Sends the first byte of what is left over from a short write twice.
inline constexpr bool repeats_a_byte = false;
/// Ends a cut connection cleanly instead of resetting it.
inline constexpr bool hides_a_cut = false;

}  // namespace caponier::relay::planted_fault
