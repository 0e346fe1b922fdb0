// The node's file service (equus/services/files.hpp says what it does). Each request is a task of
// its own that waits for its effects, so that a slow one delays nobody.
#pragma once

#include <equus/effect.hpp>
#include <equus/incarnation.hpp>
#include <equus/services/files.hpp>
#include <equus/task_group.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace equus::services {

class files_service : public incarnation<files_service> {
public:
    port<files::filing> requests{*this, "requests"};
    task<> main();

    static std::vector<std::string> effects();

private:
    using request = delivery<files::filing>;

    task<> serve(request message);
    task<> list(request message);
    task<> read(request message);
    task<> write(request message);
    task<> remove(request message);
    task<> tidy(request message);
    std::string temporary_name(const std::string& path);

    std::uint64_t next_temporary_ = 1;
    task_group serving_;
};

} // namespace equus::services
