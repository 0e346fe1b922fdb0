// The kernel's own tests know no stream space: a declared stream is bound to the reference of the
// same name that the incarnation was born with.
#include <equus/wiring.hpp>

namespace equus::detail {

task<> wire_interfaces() {
    for (const declared_interface& each : declared_interfaces())
        if (const any_reference given = born_with(each.name); given)
            co_await ok(bind_stream(each.which, given));
}

} // namespace equus::detail
