// The incarnation whose code runs on this thread. One kernel is one thread, so a thread's own
// variable serves several kernels in one process.
namespace equus::detail {

struct incarnation_core;
incarnation_core*& running() noexcept;

incarnation_core*& running() noexcept {
    static thread_local incarnation_core* current = nullptr;
    return current;
}

} // namespace equus::detail
