#include <equus/core/operation.hpp>

namespace equus::detail {

// One kernel is one thread, so a thread's own variable serves several kernels in one process.
incarnation_core*& running() noexcept {
    constinit static thread_local incarnation_core* current = nullptr;
    return current;
}

} // namespace equus::detail
