#include "services/console.hpp"
#include "services/control.hpp"
#include "services/files.hpp"
#include "services/gateway.hpp"
#include "services/launch.hpp"
#include "services/space.hpp"

#include <equus/services/standard.hpp>

namespace equus {

void add_standard_modules(module_table& modules) {
    using namespace services;
    modules.add<space_service>("equus.space");
    modules.add_service<space_cache>("equus.space_cache", "space");
    modules.add_service<launch_service>("equus.launch", "launch", launch_service::effects());
    modules.add_service<files_service>("equus.files", "files", files_service::effects());
    modules.add_service<console_service>("equus.console", "console",
                                         {std::string{console::write_effect}});
    modules.add<gateway_service>("equus.gateway", gateway_service::effects());
    modules.add<control_service>("equus.control", {std::string{controlling::next_effect},
                                                   std::string{controlling::answer_effect}});
}

} // namespace equus
