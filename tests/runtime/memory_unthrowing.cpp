#include "memory_unthrowing.hpp"

#include <equus/equus.hpp>

namespace equus::test {
namespace {

using namespace equus::literals;

class unthrowing : public incarnation<unthrowing> {
public:
    struct parameters {
        std::uint32_t megabytes = 0;
        EQUUS_FIELDS(megabytes)
    };
    parameters parameters_;

    task<std::int32_t> main() {
        bytes held{std::size_t{parameters_.megabytes} << 20};
        co_await sleep(1ms);
        co_return 7;
    }
};

} // namespace

void add_unthrowing(module_table& modules) {
    modules.add<unthrowing>("unthrowing");
}

} // namespace equus::test
