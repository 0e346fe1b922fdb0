#include "platform.hpp"

#include <equus/host/secret.hpp>

namespace equus {

run_secret new_run_secret() noexcept {
    run_secret fresh;
    platform::entropy(fresh.value);
    return fresh;
}

} // namespace equus
