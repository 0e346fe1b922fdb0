#include <equus/task.hpp>

#include <exception>
#include <new>

namespace equus::detail {

error capture_exception() noexcept {
    // Room for the words must be there when the exception says that there is none.
    const allocating_scope scope{running(), heap_use::counted};
    try {
        throw;
    } catch (const std::bad_alloc&) {
        return error{errc::out_of_memory, "std::bad_alloc"};
    } catch (const std::exception& thrown) {
        return error{errc::handler_failed, thrown.what()};
    } catch (...) {
        return error{errc::handler_failed, "an exception that is not a std::exception"};
    }
}

} // namespace equus::detail
