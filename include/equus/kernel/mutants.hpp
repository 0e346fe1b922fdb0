// A test that has never failed proves little. So faults are planted in the kernel, each under a
// name, and the campaign has to find every one of them; rare paths are widened, so that few seeds
// reach them; and states that a campaign must have reached are marked.
//
//     if (number < cursor && !EQUUS_MUTANT(deliver_duplicates)) drop();
//     if (queue.full() || EQUUS_BUGGIFY(queue_full, 5)) refuse();
//     EQUUS_SOMETIMES(credit_exhausted);
//
// In the preset `mutants` the three ask the `mutation` that the driver of the kernel has made
// active for the duration of a call; with none active they answer no. In every other preset they
// are constant false, and neither code nor names of them reach an object (tests/checks).
#pragma once

#if defined(EQUUS_MUTANTS) && EQUUS_MUTANTS

#include <string_view>

namespace equus {

/// Answers for one kernel; a simulation has one per run.
class mutation {
public:
    /// Whether the planted fault of that name is switched on.
    virtual bool mutant(std::string_view name) noexcept = 0;
    /// Whether the rare path of that name is taken this time.
    virtual bool buggify(std::string_view site, unsigned per_mille) noexcept = 0;
    /// The marked state has been reached.
    virtual void sometimes(std::string_view name) noexcept = 0;

protected:
    ~mutation() = default;
};

/// Whom the macros ask on this thread. Set by the driver around its calls of a kernel.
inline thread_local mutation* active_mutation = nullptr;

} // namespace equus

#define EQUUS_MUTANT(name)                                                                         \
    (::equus::active_mutation != nullptr && ::equus::active_mutation->mutant(#name))
#define EQUUS_BUGGIFY(name, per_mille)                                                             \
    (::equus::active_mutation != nullptr && ::equus::active_mutation->buggify(#name, per_mille))
#define EQUUS_SOMETIMES(name)                                                                      \
    (::equus::active_mutation != nullptr ? ::equus::active_mutation->sometimes(#name)              \
                                         : static_cast<void>(0))

#else

/// True when the planted fault `name` is switched on.
#define EQUUS_MUTANT(name) false
/// True when the rare path `name` is to be taken, `per_mille` times in a thousand.
#define EQUUS_BUGGIFY(name, per_mille) false
/// Marks a state that a campaign must have reached.
#define EQUUS_SOMETIMES(name) static_cast<void>(0)

#endif
