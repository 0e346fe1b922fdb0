#include "shop.hpp"

namespace doc {

using namespace equus;

task<pages_set> press_service::on(set_in_type job) {
    auto set = co_await effect(set_effect, job);
    if (!set)
        co_await ok(fail(std::move(set.error())));
    co_return std::move(*set);
}

task<bound> press_service::on(bind_pages job) {
    auto made = co_await effect(bind_effect, job);
    if (!made)
        co_await ok(fail(std::move(made.error())));
    co_return std::move(*made);
}

void add_print_shop(module_table& modules) {
    modules.add<manager>("doc.manager");
    modules.add<scheduler>("doc.scheduler");
    modules.add<worker>("doc.worker");
    modules.add<spooler>("doc.spooler");
    modules.add_service<press_service>("doc.press", "press",
                                       {std::string{set_effect}, std::string{bind_effect}});
    modules.add_service<printer_service>(
        "doc.printer", "printer",
        {std::string{look_effect}, std::string{enter_effect}, std::string{change_effect}});
}

} // namespace doc
